"""Finds, among all lines of a failed attempt, the one that names the cause."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from torc_core.evidence.lines import RECOVERY_WORDS, is_order, is_progress, is_recovery, is_soft, strip_prefix
from torc_core.evidence.record import Evidence
from torc_core.triage.pattern_library import Pattern, PatternLibrary, split_words

MAX_HITS_PER_WORD: Final = 10
"""A word that fills the log is looked at in its first and last lines only."""

MAX_MESSAGE_CHARS: Final = 900
"""Of longer messages the start and the end are looked at."""

_CODE_FRAME: Final = re.compile(r'^\s*(?:file "[^"]*", line \d+|at \S+\(|\S+\.py:\d+: in |\S+:\d+: \w*warning: )')
_FRAME_LINE: Final = re.compile(r'^\s*file "[^"]*", line \d+')
"""Names a place in the code; words in its path say nothing about the cause."""
_ECHO: Final = re.compile(r"^\s*(?:\++ |\$ |>>> |--?[a-z][\w-]*[ ,=])")
"""Commands that are shown before they run, and lines of a help text."""

_JAVA_FRAME: Final = re.compile(r"^\s+(?:at |\.\.\. \d+ more)")
_IGNORED: Final = "exception ignored in"
_EXCEPTION_LINE: Final = re.compile(r"^[a-z_][\w.]*(?:error|exception|exit|interrupt|warning|timeout)\b")
_ENDINGS: Final = ("error", "exception", "timeout")
"""These end the names of exceptions, so they are looked for inside words too."""

_BUG_CATEGORIES: Final = frozenset({"code_bug", "dependency", "missing_data", "bad_data", "generic"})


_WRAPPED: Final = re.compile(
    r"^(.{0,200}?\b(?:slurmstepd|srun|slurmd)\b[^\n]{20,300})\n"
    r"(?=(?! *(?:slurmstepd|srun|slurmd)\b)[^\n]{0,120}(?:\*\*\*|\bhandler\.))",
    re.IGNORECASE | re.MULTILINE,
)
"""A scheduler's verdict that a terminal or a program broke in two: what ends it stands on the next line."""
_COMPLETE: Final = re.compile(r"\*\*\*\s*$|\bhandler\.\s*$")
_CHAINED: Final = re.compile(
    r"the above exception was the direct cause of the following exception|during handling of the above exception",
    re.IGNORECASE,
)
_RAISED: Final = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Timeout)\b[^\n]*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that shows a known failure. `start` is its offset in the lowercase text."""

    start: int
    pattern: Pattern
    message: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The cause found in the texts: its hit, and its line as it was written."""

    hit: Hit
    line: str
    confidence: float
    text: str
    """The text the hit was found in."""


@dataclass(slots=True)
class _Lines:
    """Lines of one lowercase text, examined when they are first needed; keyed by the offset of their start."""

    lower: str
    voided: tuple[tuple[int, int], ...]
    _message: dict[int, str | None] = field(default_factory=dict)
    _order: dict[int, bool] = field(default_factory=dict)
    _soft: dict[int, bool] = field(default_factory=dict)

    def message_at(self, start: int, end: int) -> str | None:
        """Return the message of a line, or None when it cannot name a cause."""
        if start not in self._message:
            self._message[start] = self._read(start, end)
        return self._message[start]

    def counts(self, start: int, message: str, *, is_proof: bool) -> bool:
        """Return whether a match in this line counts: not in warnings and instructions. A scheduler never warns."""
        if start not in self._order:
            self._order[start] = is_order(message)
        if self._order[start] or is_proof:
            return not self._order[start]
        if start not in self._soft:
            self._soft[start] = is_soft(message) or any(a <= start < b for a, b in self.voided)
        return not self._soft[start]

    def _read(self, start: int, end: int) -> str | None:
        line = self.lower[start:end]
        if _ECHO.match(line) or _JAVA_FRAME.match(line) or _FRAME_LINE.match(line):
            return None
        if line[:1] in " \t" and start:
            before = self.lower[self.lower.rfind("\n", 0, start - 1) + 1 : start - 1]
            # the source line of a stack frame shows what the program was about to do, not what happened
            if _CODE_FRAME.match(strip_prefix(before)):
                return None
        message = strip_prefix(line)
        if len(message) > MAX_MESSAGE_CHARS:
            message = f"{message[: MAX_MESSAGE_CHARS * 2 // 3]} {message[-MAX_MESSAGE_CHARS // 3 :]}"
        return message


class Doubt(NamedTuple):
    """A claim of the text that measured facts contradict, its line in lowercase, and why."""

    pattern: Pattern
    message: str
    why: str


class CauseReading(NamedTuple):
    """What the texts of an attempt name: a cause if any, and the claims that were not believed."""

    reading: Reading | None
    doubts: tuple[Doubt, ...] = ()


def read_cause(
    evidence: Evidence, library: PatternLibrary, find_doubt: Callable[[Evidence, Pattern], str | None]
) -> CauseReading:
    """Return the cause that the texts name: in stderr, else in stdout. Claims in doubt are none."""
    stderr = f"{evidence.stderr_excerpt}\n{evidence.stderr_tail}" if evidence.stderr_excerpt else evidence.stderr_tail
    doubts: list[Doubt] = []
    for text in (stderr, evidence.stdout_tail):
        if not text:
            continue
        text = join_wrapped(text)
        lower = text.lower()
        believed: list[Hit] = []
        for hit in find_hits(lower, library):
            why = find_doubt(evidence, hit.pattern)
            if why is None:
                believed.append(hit)
            else:
                doubts.append(Doubt(hit.pattern, hit.message, why))
        if believed:
            return CauseReading(_read(believed, text, lower), tuple(doubts))
    return CauseReading(None, tuple(doubts))


def read_text(text: str, library: PatternLibrary) -> Reading | None:
    """Return the cause of the failure this text reports, or None."""
    lower = text.lower()
    hits = find_hits(lower, library)
    return _read(hits, text, lower) if hits else None


def join_wrapped(text: str) -> str:
    """Return the text with a scheduler's verdict that was broken in two in one line; its length stays."""
    if "slurm" not in text.lower() and "srun" not in text:
        return text
    return _WRAPPED.sub(lambda found: found[1] + ("\n" if _COMPLETE.search(found[1]) else " "), text)


def find_handler(reading: Reading) -> str | None:
    """Return the exception that ended the program because of the cause or while it was handled; None without one."""
    place = max(reading.text.find(reading.line), 0)
    chained = _CHAINED.search(reading.text, place)
    raised = None if chained is None else _RAISED.findall(reading.text, chained.end())
    return raised[-1] if raised else None


def _read(hits: list[Hit], text: str, lower: str) -> Reading:
    hit, confidence = _choose(hits, lower)
    return Reading(hit=hit, line=_original_line(text, lower, hit.start), confidence=confidence, text=text)


def find_hits(lower: str, library: PatternLibrary) -> list[Hit]:
    """Return the lines of a lowercase text that show a known failure, each with its best pattern, in their order."""
    words = split_words(lower) & library.words
    words.update(ending for ending in _ENDINGS if ending in lower)
    if not words:
        return []
    lines = _Lines(lower, _ignored_spans(lower))
    best: dict[int, Hit] = {}
    for word in words:
        for start, end in _lines_with(lower, word):
            message = lines.message_at(start, end)
            if message is None:
                continue
            for pattern in library.with_word(word):
                known = best.get(start)
                if known is not None and known.pattern.order >= pattern.order:
                    continue
                if not library.matches(pattern, message):
                    continue
                if lines.counts(start, message, is_proof=pattern.rank == "proof"):
                    best[start] = Hit(start, pattern, message)
    return [best[start] for start in sorted(best)]


def _lines_with(lower: str, word: str) -> list[tuple[int, int]]:
    """Return the spans of the lines that hold the word: the first ones, and as many of the last."""
    whole = word not in _ENDINGS
    spans: list[tuple[int, int]] = []
    position = lower.find(word)
    while position >= 0 and len(spans) < MAX_HITS_PER_WORD:
        if whole and _inside_word(lower, position, len(word)):
            position = lower.find(word, position + 1)
            continue
        spans.append(_line_around(lower, position))
        position = lower.find(word, spans[-1][1])
    if position < 0:
        return spans
    bottom: list[tuple[int, int]] = []
    position = lower.rfind(word)
    while position > spans[-1][1] and len(bottom) < MAX_HITS_PER_WORD:
        if whole and _inside_word(lower, position, len(word)):
            position = lower.rfind(word, 0, position)
            continue
        bottom.append(_line_around(lower, position))
        position = lower.rfind(word, 0, bottom[-1][0])
    return spans + bottom[::-1]


def _line_around(lower: str, position: int) -> tuple[int, int]:
    end = lower.find("\n", position)
    return lower.rfind("\n", 0, position) + 1, len(lower) if end < 0 else end


def _inside_word(lower: str, position: int, length: int) -> bool:
    before, after = lower[position - 1 : position], lower[position + length : position + length + 1]
    return (before.isalnum() and before.isascii()) or (after.isalnum() and after.isascii())


def _ignored_spans(lower: str) -> tuple[tuple[int, int], ...]:
    """Return the spans of exceptions that Python reports but ignores: raised by a finaliser."""
    spans: list[tuple[int, int]] = []
    start = lower.find(_IGNORED)
    while start >= 0:
        end = start
        for line in lower[start:].split("\n"):
            end += len(line) + 1
            if _EXCEPTION_LINE.match(line) and not line.startswith(_IGNORED):
                break
        spans.append((start, end))
        start = lower.find(_IGNORED, end)
    return tuple(spans)


def _choose(hits: list[Hit], lower: str) -> tuple[Hit, float]:
    for hit in hits:
        if hit.pattern.rank == "proof":
            return hit, hit.pattern.confidence
    hits = _without_recovered(hits, lower) or hits[-1:]
    causes = [hit for hit in hits if hit.pattern.rank == "cause"] or hits
    causes = _last_episode(causes, lower)
    strongest = max(hit.pattern.confidence for hit in causes)
    first = next(hit for hit in causes if hit.pattern.confidence >= strongest - 0.2)
    chosen = _uncaught(first, causes, lower)
    rivals = {hit.pattern.class_ for hit in causes if hit.pattern.confidence >= chosen.pattern.confidence - 0.05}
    doubt = 0.1 if len(rivals) > 1 else 0.0
    return chosen, round(chosen.pattern.confidence - doubt, 3)


def _without_recovered(hits: list[Hit], lower: str) -> list[Hit]:
    """Drop failures of the surroundings that a later line reports as over."""
    over = -1
    for word in RECOVERY_WORDS:
        position = lower.rfind(word)
        while position > over:
            start, end = _line_around(lower, position)
            if is_recovery(lower[start : min(end, start + MAX_MESSAGE_CHARS)]):
                over = max(over, start)
                break
            position = lower.rfind(word, 0, start)
    return [hit for hit in hits if hit.start > over or hit.pattern.class_ != "transient"]


def _last_episode(hits: list[Hit], lower: str) -> list[Hit]:
    """Drop the hits after which the program went on and then failed of something else."""
    for index in range(len(hits) - 1, 0, -1):
        between = lower[hits[index - 1].start : hits[index].start].split("\n")[1:-1]
        if any(is_progress(strip_prefix(line[:MAX_MESSAGE_CHARS])) for line in between[-60:]):
            return hits[index:]
    return hits


def _uncaught(first: Hit, causes: list[Hit], lower: str) -> Hit:
    """Return the exception that ended the program: the later one, where it was raised while a lookup was handled."""
    if first.pattern.category not in _BUG_CATEGORIES:
        return first
    chosen = first
    for hit in causes:
        if hit.start <= chosen.start:
            continue
        between = lower[chosen.start : hit.start]
        if "\nduring handling of the above exception" in between:
            chosen = hit
    return chosen


def _original_line(text: str, lower: str, start: int) -> str:
    if len(text) == len(lower):
        end = text.find("\n", start)
        return text[start : len(text) if end < 0 else end]
    # lowering a few letters changes their number
    return text.split("\n")[lower.count("\n", 0, start)]
