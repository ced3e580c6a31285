"""Whether failures of one cause come into one group: collected texts, each in variants that differ in what is no cause.

python -m benchmarks.groups [--variants 20]
"""

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from benchmarks.common import print_table
from benchmarks.corpus import CollectedFailure, load_failures
from benchmarks.variants import variants
from torc_core.triage.assess import assess


class Clustering(NamedTuple):
    """How the variants of texts came into groups; each text counts as a cause of its own."""

    texts: int
    groups: int
    v_measure: float
    split: int
    """Texts whose variants are in several groups."""
    flipped: int
    """Texts whose variants have different suggestions."""
    mixed: int
    """Groups whose texts call for different actions."""


def cluster(failures: Sequence[CollectedFailure], *, count: int) -> Clustering:
    """Return how `count` variants of each text are grouped."""
    pairs: list[tuple[int, str]] = []
    actions: defaultdict[str, set[str]] = defaultdict(set)
    split = flipped = 0
    for number, failure in enumerate(failures):
        evidence = failure.evidence()
        assessed = [assess(evidence.model_copy(update={"stderr_tail": text})) for text in variants(failure.text, count)]
        signatures = [one.signature for one in assessed]
        suggested = [one.suggestion and (one.suggestion.class_, one.suggestion.action) for one in assessed]
        pairs += [(number, signature) for signature in signatures]
        for signature in signatures:
            actions[signature].add(failure.action)
        split += len(set(signatures)) > 1
        flipped += len(set(suggested)) > 1
    return Clustering(
        texts=len(failures),
        groups=len(actions),
        v_measure=v_measure(pairs),
        split=split,
        flipped=flipped,
        mixed=sum(len(found) > 1 for found in actions.values()),
    )


def v_measure(pairs: Sequence[tuple[Hashable, Hashable]]) -> float:
    """Return the harmonic mean of homogeneity and completeness of (cause, group) pairs (Rosenberg and Hirschberg)."""
    causes, groups = Counter(cause for cause, _ in pairs), Counter(group for _, group in pairs)
    both = Counter(pairs)
    causes_left = _left(both, {pair: groups[pair[1]] for pair in both}, len(pairs))
    groups_left = _left(both, {pair: causes[pair[0]] for pair in both}, len(pairs))
    homogeneity = 1.0 - causes_left / entropy if (entropy := _entropy(causes)) else 1.0
    completeness = 1.0 - groups_left / entropy if (entropy := _entropy(groups)) else 1.0
    both_shares = homogeneity + completeness
    return 2 * homogeneity * completeness / both_shares if both_shares else 0.0


def _entropy(counts: Counter[Hashable]) -> float:
    whole = counts.total()
    return -sum(count / whole * math.log(count / whole) for count in counts.values())


def _left(both: Counter[tuple[Hashable, Hashable]], given: dict[tuple[Hashable, Hashable], int], whole: int) -> float:
    """Return the conditional entropy."""
    return -sum(count / whole * math.log(count / given[pair]) for pair, count in both.items())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=20)
    options = parser.parse_args()
    found = cluster(load_failures(), count=options.variants)
    rows = [
        ("groups", str(found.groups), "-"),
        ("v-measure, each text a cause of its own", f"{found.v_measure:.3f}", "0.98"),
        ("texts whose variants fall into several groups", f"{found.split / found.texts:.1%}", "1 %"),
        ("texts whose variants have different suggestions", str(found.flipped), "0"),
        ("groups whose texts call for different actions", str(found.mixed), "0"),
    ]
    print_table(f"{found.texts} texts in {options.variants} variants", ("what", "measured", "target"), rows)


if __name__ == "__main__":
    main()
