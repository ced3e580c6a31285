"""The suggestion for one failed attempt."""

from pydantic import BaseModel, ConfigDict, Field

from torc_core.triage.pattern_library import Action, FailureClass

MAX_QUOTE_CHARS = 300
WORDS_RULE = "words"
"""The rule of a suggestion that rests on the words of the log alone."""


class Suggestion(BaseModel):
    """A class, the action it calls for, and why. `evidence_line` quotes the log: untrusted data."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, serialize_by_alias=True, defer_build=True)

    class_: FailureClass = Field(alias="class")
    action: Action
    category: str
    confidence: float = Field(ge=0, le=1)
    reason: str
    evidence_line: str = ""
    rule: str
    words: tuple[str, ...] = ()
    """The words of the log that weigh most for this class, the weightiest first."""
    advice: str = ""
    memory_helps: bool = False
    runtime_helps: bool = False
    memory: str | None = None
    runtime: str | None = None


class Leaning(BaseModel):
    """What rule and words lean to together, whether or not that is enough for a suggestion."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, serialize_by_alias=True, defer_build=True)

    class_: FailureClass = Field(alias="class")
    action: Action
    confidence: float = Field(ge=0, le=1)
    rule: str | None = None
    words: tuple[str, ...] = ()


def quote_line(line: str) -> str:
    """Return a line of a log fit for showing: one line, harmless, bounded, without credentials."""
    # here: whoever reads suggestions does not wait for the expressions of these two
    from torc_core.evidence.cleaning import clean_text, shorten_line
    from torc_core.evidence.redaction import redact_secrets

    return shorten_line(redact_secrets(clean_text(line).replace("\n", " ").strip()), MAX_QUOTE_CHARS)
