"""A second opinion on a failure from its words: a small linear model, trained by `make train`.

The model knows no rules. It weighs the masked words of the fatal lines and of the last lines, and the return code.
"""

import gzip
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice, pairwise
from typing import Final

from torc_core.evidence.lines import FATAL_MARKERS, is_fatal, is_order, is_progress, is_soft, strip_prefix
from torc_core.evidence.record import Evidence
from torc_core.triage.masking import mask_message
from torc_core.triage.pattern_library import Action, FailureClass

MODEL_FILE: Final = "words.json.gz"
Label = tuple[FailureClass, Action]
LABELS: Final[tuple[Label, ...]] = (
    ("oom", "retry"),
    ("oom", "fail"),
    ("permanent", "fail"),
    ("timeout", "retry"),
    ("timeout", "fail"),
    ("transient", "retry"),
)
"""What the model tells apart, in the order of the weights in the file; a last weight is for none of them.

A lack of memory that is not the host's, and a time limit that is not the job's, call for another action.
"""
SHOWN_WORDS: Final = 5
_LAST_LINES: Final = 8
_FATAL_LINES: Final = 12
_SEARCHED_LINES: Final = 200
_LINE_CHARS: Final = 400
"""A longer line says its cause at its beginning; the masks take time that grows with its length."""
_TOKEN: Final = re.compile(r"[a-z_][a-z0-9_+.#-]*[a-z0-9_+#]|<[a-z]+>|\d+")
_CAMEL_WORD: Final = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)+")
_CAMEL_PART: Final = re.compile(r"[A-Z][a-z]+")
_DIGITS: Final = re.compile(r"\d+")
_PART: Final = re.compile(r"[_.-]")
_SHORTEST_PART: Final = 3
_MASK: Final = re.compile(r"\^? ?<[a-z]+>")
"""What stands for a number, a path or a host says nothing to a reader."""


@dataclass(frozen=True, slots=True)
class WordOpinion:
    """The share of each label that the words of one failure give.

    `log_odds` are the natural logarithms of the probabilities of `LABELS` and of none of them, up to a common constant.
    """

    log_odds: tuple[float, ...]
    weights: Mapping[str, Sequence[int]]
    """The weights of the words that the model knows."""
    names_failure: bool
    """Whether a line of the text says that something failed; otherwise its words only lean."""

    def strongest(self, label: Label, count: int = SHOWN_WORDS) -> tuple[str, ...]:
        """Return the words that weigh most for the label, the weightiest first."""
        place = LABELS.index(label)
        ranked = sorted(self.weights.items(), key=lambda item: (-item[1][place], item[0]))
        spoke = (word for word, weights in ranked if weights[place] > 0 and not _MASK.fullmatch(word))
        return tuple(islice(dict.fromkeys(word.lstrip(".^ ") for word in spoke), count))


class WordModel:
    """Weights of words: one for each label, as whole numbers times a common scale.

    `temperature` divides the log-odds of words and rule together, so that the probabilities are those observed.
    """

    def __init__(
        self, weights: Mapping[str, Sequence[int]], *, scale: float, bias: Sequence[float], temperature: float = 1.0
    ) -> None:
        self._weights = weights
        self._scale = scale
        self._bias = tuple(bias)
        self.temperature = temperature

    def strength(self, line: str) -> float:
        """Return the largest weight of a line's words for one label; 0 where the model has none of the words."""
        words = list(_words(line[:_LINE_CHARS]))
        known = [self._weights[word] for word in dict.fromkeys(words) if word in self._weights]
        if not known:
            return 0.0
        *sums, of_none = map(sum, zip(*known, strict=True))
        return max(0.0, (max(sums) - of_none) * self._scale / math.sqrt(len(words)))

    def opinion(self, evidence: Evidence, *, without: Collection[str] = ()) -> WordOpinion | None:
        """Return the shares of the labels; None where there are no words that the model knows.

        Lines whose lowercase message is in `without` do not count.
        """
        fatal, last = _split_lines(evidence, without)
        if not fatal and not last:
            return None
        words = _features(evidence, (*fatal, *last))
        known = {word: self._weights[word] for word in words if word in self._weights}
        if not known:
            return None
        factor = self._scale / math.sqrt(len(words))
        sums = map(sum, zip(*known.values(), strict=True))
        return WordOpinion(
            log_odds=tuple(bias + factor * total for bias, total in zip(self._bias, sums, strict=True)),
            weights=known,
            names_failure=bool(fatal),
        )


@cache
def load_word_model() -> WordModel:
    """Return the packaged model; the file is read once per process."""
    packed = (resources.files("torc_core.triage") / MODEL_FILE).read_bytes()
    document = json.loads(gzip.decompress(packed))
    weights = dict(zip(document["words"], document["weights"], strict=True))
    return WordModel(weights, scale=document["scale"], bias=document["bias"], temperature=document["temperature"])


def features(evidence: Evidence) -> set[str]:
    """Return the words and pairs of neighbouring words that the model weighs; the return code and signal are words."""
    fatal, last = _split_lines(evidence)
    return _features(evidence, (*fatal, *last))


def line_words(line: str) -> frozenset[str]:
    """Return the masked words of one line, without the masks: what two causes that read alike share."""
    words = _TOKEN.findall(mask_message(strip_prefix(line)[:_LINE_CHARS]))
    return frozenset(word for word in words if not _MASK.fullmatch(word) and not word.isdigit())


def _features(evidence: Evidence, lines: Iterable[str]) -> set[str]:
    found: set[str] = {f"rc={evidence.return_code}"}
    if evidence.signal:
        found.add(f"sig={evidence.signal}")
    for line in dict.fromkeys(lines):
        words = list(_words(line[:_LINE_CHARS]))
        found.update(words)
        found.update(f".{part.lower()}" for name in _CAMEL_WORD.findall(line) for part in _CAMEL_PART.findall(name))
        whole = ["^", *(word for word in words if not word.startswith("."))]
        found.update(f"{one} {next_}" for one, next_ in pairwise(whole))
    return found


def _words(line: str) -> Iterator[str]:
    """Yield each word of the masked line, and behind it the parts of a compound, marked by a point."""
    for word in _TOKEN.findall(mask_message(line)):
        yield word
        parts = [part for part in _PART.split(word) if len(part) >= _SHORTEST_PART]
        if len(parts) > 1:
            yield from (f".{part}" for part in parts)


def _split_lines(evidence: Evidence, without: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Return the lines that report a failure, and the last ones."""
    text = evidence.stderr_tail if evidence.stderr_tail.strip() else evidence.stdout_tail
    if evidence.stderr_excerpt:
        text = f"{evidence.stderr_excerpt}\n{text}"
    fatal: list[str] = []
    last: list[str] = []
    shapes: set[str] = set()
    seen = 0
    # from the end, as most logs have far more lines than are needed
    for raw in reversed(text.split("\n")[-_SEARCHED_LINES:]):
        line = strip_prefix(raw)
        lower = line.lower()
        if not line or lower in without:
            continue
        seen += 1
        is_fatal_line = len(fatal) < _FATAL_LINES and any(word in lower for word in FATAL_MARKERS) and is_fatal(line)
        is_last_line = (
            seen <= 5 * _LAST_LINES and len(last) < _LAST_LINES and not is_progress(lower) and not is_soft(lower)
        )
        if is_last_line:
            # lines that count something up fill a log, and say the same each time
            shape = _DIGITS.sub("#", lower)
            is_last_line = shape not in shapes
            shapes.add(shape)
        if (is_fatal_line or is_last_line) and not is_order(lower):
            fatal += [line] * is_fatal_line
            last += [line] * is_last_line
        if len(fatal) == _FATAL_LINES and seen >= 5 * _LAST_LINES:
            break
    return fatal[::-1], last[::-1]
