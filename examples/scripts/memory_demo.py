#!/usr/bin/env python3
"""Fills some memory and holds it for a while, as a program does whose input is larger than expected."""

import argparse
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()

    held = bytearray(options.megabytes << 20)
    held[::4096] = b"x" * len(held[::4096])
    print(f"holding {options.megabytes} MB for {options.seconds:g} s", flush=True)
    time.sleep(options.seconds)
    print(f"done with {len(held) >> 20} MB")


if __name__ == "__main__":
    main()
