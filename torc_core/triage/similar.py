"""Lessons of a site: decided causes and their outcomes, and those among them whose words are like a new cause's."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from torc_core.triage.history import History
from torc_core.triage.words import line_words

LEAST_ALIKE: Final = 0.6
"""Share of the words of two causes together that both must have to count as alike (Jaccard)."""

LEAST_WORDS: Final = 3
"""Causes that share fewer words have too little in common, however short they are."""


class Lesson(NamedTuple):
    """A decided signature: the line that names its cause, and the outcomes of the decisions on it."""

    signature: str
    cause: str
    history: History


class AlikeLessons(NamedTuple):
    """What was decided on causes that read alike, all together, and how many causes these are."""

    history: History = History()
    causes: int = 0


def find_alike(cause: str, lessons: Iterable[Lesson], *, own_signature: str) -> AlikeLessons:
    """Return the lessons whose causes share most words with this one, without that of `own_signature`."""
    words = line_words(cause)
    if len(words) < LEAST_WORDS:
        return AlikeLessons()
    alike = [
        lesson.history for lesson in lessons if lesson.signature != own_signature and _is_alike(words, lesson.cause)
    ]
    return AlikeLessons(_sum(alike), len(alike))


def _is_alike(words: frozenset[str], cause: str) -> bool:
    others = line_words(cause)
    shared = len(words & others)
    return shared >= LEAST_WORDS and shared >= LEAST_ALIKE * len(words | others)


def _sum(histories: Sequence[History]) -> History:
    return History(*map(sum, zip(*histories, strict=True))) if histories else History()
