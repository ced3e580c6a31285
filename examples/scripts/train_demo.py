#!/usr/bin/env python3
"""Stands in for a training: computes a score from its parameters and writes it to a file."""

import argparse
import math
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--optimizer", choices=["adam", "sgd"], default="adam")
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    distance = abs(math.log10(options.learning_rate / 0.01))
    score = 0.95 - 0.1 * distance - 10 * options.weight_decay - 0.0005 * options.batch_size
    score -= 0.02 if options.optimizer == "sgd" else 0.0

    options.output.parent.mkdir(parents=True, exist_ok=True)
    line = f"{score:.4f} lr={options.learning_rate} batch={options.batch_size} {options.optimizer}"
    options.output.write_text(line + "\n")
    print(line)


if __name__ == "__main__":
    main()
