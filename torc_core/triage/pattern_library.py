"""The reviewed library of failure patterns: data files, loaded once, searched by the words a text holds."""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from torc_core.errors import InvalidInputError

FailureClass = Literal["transient", "permanent", "oom", "timeout"]
Action = Literal["retry", "fail"]
Rank = Literal["proof", "cause", "symptom"]


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class Pattern(BaseModel):
    """One known failure.

    `words` are lowercase words, at least one of which a matching line holds; `regex` is searched in the
    lowercase message of a line, without time stamps and rank labels. `rank` orders causes: a proof, in a scheduler's
    verdict stands above a cause, a cause above a symptom of something else. Of several patterns that match
    one line the one of higher `precedence`, then of higher confidence, is taken; 2 is for what decides
    whatever else the line says, like the system's error at its end. `memory_helps` is false where
    an out-of-memory error is not cured by more host memory, `runtime_helps` where a time limit is not Torc's.
    `scheduler` names the scheduler that gives this verdict: it counts only from attempts under it. `measured` is
    the amount that must have been near its limit for the claim to be true.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, defer_build=True)

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    class_: FailureClass = Field(alias="class")
    category: str = Field(pattern=r"^[a-z_]+$")
    confidence: float = Field(gt=0, le=1)
    reason: str
    advice: str
    words: Texts
    regex: Texts
    rank: Rank = "cause"
    precedence: int = Field(default=0, ge=-1, le=2)
    action: Action | None = None
    memory_helps: bool | None = None
    runtime_helps: bool | None = None
    scheduler: str | None = None
    measured: Literal["memory", "runtime"] | None = None
    examples: Texts = Field(min_length=1)
    not_examples: Texts = ()

    @property
    def order(self) -> tuple[int, float, str]:
        """Return the sort key by which the largest of several patterns on one line wins; the id breaks ties."""
        return self.precedence, self.confidence, self.id

    @property
    def chosen_action(self) -> Action:
        """Return the action to take unless a rule of the workflow decides otherwise."""
        return self.action or ("fail" if self.class_ == "permanent" else "retry")

    @property
    def helped_by_memory(self) -> bool:
        """Return whether more host memory can cure this failure."""
        return self.class_ == "oom" if self.memory_helps is None else self.memory_helps

    @property
    def helped_by_runtime(self) -> bool:
        """Return whether more runtime of the job can cure this failure."""
        return self.class_ == "timeout" if self.runtime_helps is None else self.runtime_helps


class PatternLibrary:
    """Patterns that can be found by the words of a text; expressions are compiled when first needed."""

    def __init__(self, patterns: tuple[Pattern, ...]) -> None:
        self.patterns = patterns
        self.by_id: Mapping[str, Pattern] = {pattern.id: pattern for pattern in patterns}
        by_word: defaultdict[str, list[Pattern]] = defaultdict(list)
        for pattern in patterns:
            for word in pattern.words:
                by_word[word].append(pattern)
        self._by_word: dict[str, tuple[Pattern, ...]] = {word: tuple(found) for word, found in by_word.items()}
        self.words = frozenset(self._by_word)
        self._compiled: dict[str, tuple[re.Pattern[str], ...]] = {}

    def with_word(self, word: str) -> tuple[Pattern, ...]:
        """Return the patterns a line with this word may match."""
        return self._by_word[word]

    def matches(self, pattern: Pattern, message: str) -> bool:
        """Return whether the lowercase message shows this failure."""
        compiled = self._compiled.get(pattern.id)
        if compiled is None:
            compiled = tuple(re.compile(source) for source in pattern.regex)
            self._compiled[pattern.id] = compiled
        return any(expression.search(message) is not None for expression in compiled)


_WORD_CHARS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_SEPARATORS: Final = {code: " " for code in range(128) if chr(code) not in _WORD_CHARS}


def split_words(lower_text: str) -> set[str]:
    """Return the words of a lowercase text; everything but ASCII letters and digits separates."""
    return set(lower_text.translate(_SEPARATORS).split())


def parse_patterns(document: str, source: str) -> list[Pattern]:
    """Return the patterns of one YAML document; `source` names it in errors."""
    import yaml  # here: whoever only needs the classes of failures does not wait for it

    try:
        # the C loader is many times faster, where it was built
        fast = yaml.__with_libyaml__
        entries = yaml.load(document, Loader=yaml.CSafeLoader) if fast else yaml.safe_load(document)
        return [Pattern.model_validate(entry) for entry in entries or ()]
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise InvalidInputError(
            f"failure patterns in {source} are invalid: {error}",
            hint="Each pattern needs id, class, category, confidence, reason, advice, words, regex, examples.",
        ) from error


@cache
def load_library() -> PatternLibrary:
    """Return the packaged library; the files are read once per process."""
    folder = resources.files("torc_core.triage") / "patterns"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda e: e.name)
    patterns: list[Pattern] = []
    for entry in files:
        patterns.extend(parse_patterns(entry.read_text("utf-8"), entry.name))
    return PatternLibrary(tuple(patterns))
