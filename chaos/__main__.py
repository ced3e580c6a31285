"""Campaigns of faults against the real programs: `python -m chaos kill --rounds 200 --seed 1`."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from chaos.campaigns import CAMPAIGNS, SURROUNDINGS
from chaos.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Round:
    """One round that is over: its seed, folder and verdict, and how long it took."""

    seed: int
    folder: Path
    verdict: Verdict
    seconds: float


def main() -> int:
    """Run the rounds, print what came, and return 1 when anything was lost or doubled."""
    options = _parser().parse_args()
    total, bad, longest_s, began = Verdict(), 0, 0.0, time.monotonic()
    seeds = range(options.seed, options.seed + options.rounds)
    for number, ended in enumerate(run_rounds(options.campaign, seeds, parallel=options.parallel), start=1):
        total.add(ended.verdict)
        longest_s = max(longest_s, ended.seconds)
        if ended.verdict.problems:
            bad += 1
            print(f"seed {ended.seed}: {len(ended.verdict.problems)} problems, files in {ended.folder}")
            print("\n".join(f"  {problem}" for problem in ended.verdict.problems[:10]), flush=True)
        elif not options.keep:
            shutil.rmtree(ended.folder, ignore_errors=True)
        if number % 10 == 0:
            print(f"{number} rounds, {bad} bad, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    at_once = f", {options.parallel} at once" if options.parallel > 1 else ""
    print(f"{options.campaign}: {options.rounds} rounds{at_once}, {bad} bad, seed {options.seed}")
    for name, value in sorted(total.counts.items()):
        print(f"  {name}: {value}")
    print(f"  longest round: {longest_s:.0f} s")
    return 1 if bad else 0


def run_rounds(campaign: str, seeds: Sequence[int], *, parallel: int = 1) -> Iterator[Round]:
    """Yield the rounds as they end, `parallel` of them at once, each with a server and a folder of its own."""

    def run(seed: int) -> Round:
        folder = Path(tempfile.mkdtemp(prefix=f"chaos_{campaign}_{seed}_"))
        began = time.monotonic()
        verdict = run_round(campaign, folder, seed)
        return Round(seed, folder, verdict, time.monotonic() - began)

    with SURROUNDINGS.get(campaign, nullcontext)(), ThreadPoolExecutor(parallel) as pool:
        try:
            for ended in as_completed([pool.submit(run, seed) for seed in seeds]):
                yield ended.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C ends the campaign with the rounds that run


def run_round(campaign: str, folder: Path, seed: int) -> Verdict:
    """Return the verdict on one round; an error of the round itself is a problem, not an end of the campaign."""
    try:
        return CAMPAIGNS[campaign](folder, random.Random(seed))
    except Exception as error:  # noqa: BLE001 - the next rounds still tell something
        return Verdict(problems=[f"the round ended with {error!r}"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("campaign", choices=sorted(CAMPAIGNS))
    parser.add_argument("--rounds", type=_at_least_one, default=10, help="workflows to run (default: 10)")
    parser.add_argument("--parallel", type=_at_least_one, default=1, help="rounds to run at once (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first round; each round adds one (default: 1)")
    parser.add_argument("--keep", action="store_true", help="keep the folders of good rounds, too")
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
