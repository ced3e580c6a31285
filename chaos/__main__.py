"""Campaigns of faults against the real programs: `python -m chaos kill --rounds 200 --seed 1`."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from chaos.campaigns import CAMPAIGNS
from chaos.verdict import Verdict


def main() -> int:
    """Run the rounds, print what came, and return 1 when anything was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("campaign", choices=sorted(CAMPAIGNS))
    parser.add_argument("--rounds", type=int, default=10, help="workflows to run (default: 10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first round; each round adds one (default: 1)")
    parser.add_argument("--keep", action="store_true", help="keep the folders of good rounds, too")
    options = parser.parse_args()
    total, bad, began = Verdict(), 0, time.monotonic()
    for number in range(options.rounds):
        seed = options.seed + number
        folder = Path(tempfile.mkdtemp(prefix=f"chaos_{options.campaign}_{seed}_"))
        verdict = run_round(options.campaign, folder, seed)
        total.add(verdict)
        if verdict.problems:
            bad += 1
            print(f"seed {seed}: {len(verdict.problems)} problems, files in {folder}")
            print("\n".join(f"  {problem}" for problem in verdict.problems[:10]), flush=True)
        elif not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        if (number + 1) % 10 == 0:
            print(f"{number + 1} rounds, {bad} bad, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"{options.campaign}: {options.rounds} rounds, {bad} bad, seed {options.seed}")
    for name, value in sorted(total.counts.items()):
        print(f"  {name}: {value}")
    return 1 if bad else 0


def run_round(campaign: str, folder: Path, seed: int) -> Verdict:
    """Return the verdict on one round; an error of the round itself is a problem, not an end of the campaign."""
    try:
        return CAMPAIGNS[campaign](folder, random.Random(seed))
    except Exception as error:  # noqa: BLE001 - the next rounds still tell something
        return Verdict(problems=[f"the round ended with {error!r}"])


if __name__ == "__main__":
    sys.exit(main())
