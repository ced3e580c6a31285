"""The record of one failed attempt, small enough to send and complete enough to decide by."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

MAX_EVIDENCE_BYTES: Final = 16 * 1024
"""Upper bound of an evidence record as UTF-8 JSON."""

RunnerVerdict = Literal["oom", "timeout", "terminated", "missing_output", "spawn_failed", "lost"]
"""The end as the runner itself knows it, without reading any text: it killed the job for memory or for
time, stopped it on its own way out, missed a declared output, could not start it, or was itself lost."""


class SchedulerFacts(BaseModel):
    """What the scheduler reports about the allocation or step (Slurm: `sacct` State, Reason, ExitCode)."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    type: str
    job_id: str | None = None
    state: str | None = None
    reason: str | None = None
    exit_code: str | None = None


class Evidence(BaseModel):
    """Facts and texts of one failed attempt. All texts are untrusted data, already cleaned and bounded."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    return_code: int
    signal: int | None = None
    verdict: RunnerVerdict | None = None
    missing_output_files: tuple[str, ...] = ()
    recovery_script_error: str | None = None
    """How the recovery script of the rule that matched failed; this is why the job was not tried again."""
    peak_memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    runtime_s: float | None = None
    runtime_limit_s: float | None = None
    node: str | None = None
    scheduler: SchedulerFacts | None = None
    stderr_excerpt: str = ""
    """Lines around the first fatal message of stderr, when that stands above the tail; else empty."""
    stderr_tail: str = ""
    stdout_tail: str = ""
    """Kept only when stderr says nothing: some programs report errors on stdout."""
    truncated: bool = False


def fit(evidence: Evidence) -> Evidence:
    """Return the evidence with its texts cut, each to a fair share, so that its JSON keeps the size limit.

    Texts shorter than their share stay whole and leave the rest to the longer ones. Tails keep their end,
    the excerpt its start.
    """
    evidence = _without_surrogates(evidence)
    if _json_bytes(evidence.model_dump_json()) <= MAX_EVIDENCE_BYTES:
        return evidence
    bare = evidence.model_copy(
        update={
            **dict.fromkeys(_TEXTS, ""),
            "truncated": True,
            "missing_output_files": tuple(
                _keep_end(name, _MAX_NAME_BYTES) for name in evidence.missing_output_files[:_MAX_NAMES]
            ),
            **{name: _keep_start(phrase, _MAX_NAME_BYTES) for name, phrase in _phrases(evidence).items()},
            "scheduler": None if evidence.scheduler is None else _fit_scheduler(evidence.scheduler),
        }
    )
    room = MAX_EVIDENCE_BYTES - _json_bytes(bare.model_dump_json())
    texts: dict[str, str] = {name: getattr(evidence, name) for name in _TEXTS}
    cut: dict[str, str] = {}
    left = room
    for position, name in enumerate(sorted(_TEXTS, key=lambda name: _text_bytes(texts[name]))):
        share = left // (len(_TEXTS) - position)
        keep = _keep_start if name == "stderr_excerpt" else _keep_end
        cut[name] = keep(texts[name], share)
        left -= _text_bytes(cut[name])
    return bare.model_copy(update=cut)


_TEXTS: Final = ("stderr_excerpt", "stderr_tail", "stdout_tail")
_MAX_NAMES: Final = 8
_MAX_NAME_BYTES: Final = 256


def _phrases(evidence: Evidence) -> dict[str, str]:
    """Return the short texts that are not None."""
    phrases = {"node": evidence.node, "recovery_script_error": evidence.recovery_script_error}
    return {name: phrase for name, phrase in phrases.items() if phrase is not None}


def _json_bytes(document: str) -> int:
    return len(document.encode())


def _text_bytes(text: str) -> int:
    """Return the bytes of the text as a JSON string, without its quotes."""
    return len(to_json(text)) - 2


def _keep_end(text: str, max_bytes: int) -> str:
    return text if _text_bytes(text) <= max_bytes else text[len(text) - _fitting(text[::-1], max_bytes) :]


def _keep_start(text: str, max_bytes: int) -> str:
    return text if _text_bytes(text) <= max_bytes else text[: _fitting(text, max_bytes)]


def _fitting(text: str, max_bytes: int) -> int:
    """Return the greatest number of leading characters that fit."""
    text = text[:max_bytes]
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _text_bytes(text[:middle]) <= max_bytes else (low, middle - 1)
    return low


def _fit_scheduler(facts: SchedulerFacts) -> SchedulerFacts:
    fields: dict[str, str | None] = facts.model_dump()
    return SchedulerFacts.model_validate(
        {name: None if value is None else _keep_start(value, _MAX_NAME_BYTES) for name, value in fields.items()}
    )


def _without_surrogates(evidence: Evidence) -> Evidence:
    """Replace half character pairs, as in undecodable file names, by question marks: they have no UTF-8."""
    scheduler = evidence.scheduler
    return evidence.model_copy(
        update={
            **{name: _encodable(getattr(evidence, name)) for name in _TEXTS},
            "missing_output_files": tuple(map(_encodable, evidence.missing_output_files)),
            **{name: _encodable(phrase) for name, phrase in _phrases(evidence).items()},
            "scheduler": None
            if scheduler is None
            else scheduler.model_copy(
                update={name: _encodable(value) for name, value in scheduler.model_dump().items() if value is not None}
            ),
        }
    )


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
