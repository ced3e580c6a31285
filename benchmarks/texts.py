"""How right the triage is on collected texts: the held-out third first, and whether it knows when it is right.

python -m benchmarks.texts
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks.common import print_table
from benchmarks.corpus import CollectedFailure, Split, load_failures
from torc_core.triage.assess import Assessment, assess
from torc_core.triage.cause_line import read_cause
from torc_core.triage.classify import suggest_by_rules
from torc_core.triage.measured import find_doubt
from torc_core.triage.pattern_library import load_library
from torc_core.triage.suggestion import Leaning, Suggestion

BANDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)


class Share(NamedTuple):
    """How many of how many."""

    part: int
    whole: int

    def __str__(self) -> str:
        """Return the share and its 95 % interval (Wilson)."""
        if not self.whole:
            return "-"
        z, n, p = 1.96, self.whole, self.part / self.whole
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return f"{p:.2f} ({max(middle - half, 0.0):.2f} to {min(middle + half, 1.0):.2f})"


class Row(NamedTuple):
    """What is suggested for some texts, and how much of it is right."""

    suggested: Share
    class_right: Share
    right_of_all: Share
    action_right: Share


def figures(pairs: Sequence[tuple[CollectedFailure, Suggestion | Leaning | None]]) -> Row:
    """Return how many of the failures have a suggestion, and how many of these are right."""
    made = [(failure, suggestion) for failure, suggestion in pairs if suggestion is not None]
    right = sum(suggestion.class_ == failure.class_ for failure, suggestion in made)
    action = sum(suggestion.action == failure.action for failure, suggestion in made)
    return Row(
        Share(len(made), len(pairs)), Share(right, len(made)), Share(right, len(pairs)), Share(action, len(made))
    )


def by_rules(failure: CollectedFailure) -> Suggestion | None:
    """Return what the rules alone suggest, as before there were words."""
    evidence = failure.evidence()
    suggestion = suggest_by_rules(evidence, read_cause(evidence, load_library(), find_doubt).reading).suggestion
    return None if suggestion is None or suggestion.confidence < 0.5 else suggestion


def calibration(assessed: Sequence[tuple[CollectedFailure, Assessment]]) -> list[tuple[str, str, str, str]]:
    """Return for each band of confidence how often class and action were right, silent leanings included."""
    stated = [(failure, one.suggestion or one.leaning) for failure, one in assessed]
    rows = []
    for low, high in pairwise(BANDS):
        band = [(failure, one) for failure, one in stated if one is not None and low <= one.confidence < high]
        if band:
            mean = sum(one.confidence for _, one in band) / len(band)
            right = Share(sum((one.class_, one.action) == (f.class_, f.action) for f, one in band), len(band))
            rows.append((f"{low:.2f} to {min(high, 1.0):.2f}", str(len(band)), f"{mean:.2f}", str(right)))
    return rows


def main() -> None:
    """Print the figures of each third, then the calibration on all that no weight was fitted to."""
    rows = []
    unseen: list[tuple[CollectedFailure, Assessment]] = []
    splits: tuple[Split, ...] = ("held_out", "tune", "train")
    for split in splits:
        assessed = [(failure, assess(failure.evidence())) for failure in load_failures(split)]
        unseen += assessed if split != "train" else []
        together = figures([(failure, one.suggestion) for failure, one in assessed])
        alone = figures([(failure, by_rules(failure)) for failure, _ in assessed])
        rows += [
            (f"{split.replace('_', ' ')}, {len(assessed)} texts: {name}", *map(str, row))
            for name, row in (("rules and words", together), ("rules alone", alone))
        ]
    head = ("texts", "suggested", "class right of these", "class right of all", "action right of these")
    print_table("Failures from public threads, with 95 % intervals", head, rows)
    head = ("confidence", "texts", "mean", "class and action right")
    print_table("Calibration on held-out and tune texts", head, calibration(unseen))


if __name__ == "__main__":
    main()
