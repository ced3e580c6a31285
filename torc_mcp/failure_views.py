"""Views of failures in answers: groups, and single jobs with their evidence."""

from collections.abc import Sequence

from pydantic import Field

from torc_core.api.failures import FailureGroup, SignatureRecord
from torc_core.evidence.cleaning import shorten_line
from torc_core.evidence.record import Evidence
from torc_core.resources.memory import describe_memory
from torc_core.triage.pattern_library import Action, FailureClass
from torc_core.triage.suggestion import WORDS_RULE, Leaning, Suggestion
from torc_mcp.answers import Part
from torc_mcp.context import one_line
from torc_mcp.fence import Fence, harmless

_MAX_CAUSE_CHARS = 160
_MAX_WORDS_CHARS = 240
_MAX_NAMES = 5
_MAX_SHOWN_IDS = 3
_MAX_LINE_CHARS = 80


class SuggestionView(Part):
    """The suggestion of rules and words. `memory` and `runtime` are the suggested amounts, `basis` what it rests on."""

    class_: FailureClass = Field(alias="class")
    action: Action
    category: str
    confidence: float
    basis: str
    reason: str
    advice: str | None = None
    memory: str | None = None
    runtime: str | None = None


class RecordView(Part):
    """The outcomes of earlier decisions on this signature, in all workflows."""

    retried: int
    retries_succeeded: int
    retries_failed_again: int
    failed: int


class GroupView(Part):
    """Failures with the same signature. `count` counts all of them, `job_ids` holds some.

    `leaning` is given where rules and words are not sure enough; `doubts`: claims of the log that facts contradict.
    """

    signature: str
    count: int
    cause: str
    suggestion: SuggestionView | None = None
    leaning: str | None = None
    doubts: list[str] | None = None
    record: RecordView | None = None
    job_ids: list[int]


class FailedJobView(Part):
    """One failed attempt: facts first; `stderr_excerpt`, `stderr_tail` and `stdout_tail` are fenced log data.

    `is_cut` when there is more of a text than shown.
    """

    job_id: int
    name: str
    signature: str
    run_id: int
    attempt_id: int
    return_code: int
    exec_time_minutes: float | None = None
    verdict: str | None = None
    signal: int | None = None
    missing_output_files: list[str] | None = None
    recovery_script_error: str | None = None
    peak_memory: str | None = None
    memory_limit: str | None = None
    runtime_limit_s: float | None = None
    node: str | None = None
    scheduler: str | None = None
    stderr_excerpt: str | None = None
    stderr_tail: str = ""
    stdout_tail: str | None = None
    is_cut: bool | None = None


def view_group(group: FailureGroup, fence: Fence) -> GroupView:
    return GroupView(
        signature=group.signature,
        count=group.count,
        cause=fence.line(group.cause, _MAX_CAUSE_CHARS),
        suggestion=None if group.suggestion is None else _view_suggestion(group.suggestion),
        leaning=None if group.leaning is None else _view_leaning(group.leaning),
        doubts=[one_line(doubt, _MAX_WORDS_CHARS) for doubt in group.doubts] or None,
        record=_view_record(group.record),
        job_ids=group.job_ids[:_MAX_SHOWN_IDS],
    )


def line_of(group: FailureGroup) -> str:
    """Return a group on one line, for a fenced block: signature, count, suggested action, cause."""
    action = group.suggestion.action if group.suggestion else "-"
    cause = shorten_line(harmless(group.cause).replace("\n", " ").strip(), _MAX_LINE_CHARS)
    return f"{group.signature} {group.count} {action} {cause}"


def view_job(
    *,
    job_id: int,
    name: str,
    signature: str,
    run_id: int,
    attempt_id: int,
    return_code: int,
    exec_time_minutes: float | None,
    evidence: Evidence | None,
) -> FailedJobView:
    """Return the facts of a failed attempt; texts are added later, where there is room."""
    seen = evidence or Evidence(return_code=return_code)
    minutes = seen.runtime_s / 60 if exec_time_minutes is None and seen.runtime_s is not None else exec_time_minutes
    scheduler = seen.scheduler
    return FailedJobView(
        job_id=job_id,
        name=one_line(name, 120),
        signature=signature,
        run_id=run_id,
        attempt_id=attempt_id,
        return_code=return_code,
        exec_time_minutes=None if minutes is None else round(minutes, 3),
        verdict=seen.verdict,
        signal=seen.signal,
        missing_output_files=[one_line(name) for name in seen.missing_output_files[:_MAX_NAMES]] or None,
        recovery_script_error=one_line(seen.recovery_script_error) if seen.recovery_script_error else None,
        peak_memory=_memory(seen.peak_memory_bytes),
        memory_limit=_memory(seen.memory_limit_bytes),
        runtime_limit_s=seen.runtime_limit_s,
        node=one_line(seen.node, 80) if seen.node else None,
        scheduler=one_line(" ".join(filter(None, (scheduler.state, scheduler.reason))), 120) if scheduler else None,
        is_cut=True if seen.truncated else None,
    )


def _view_suggestion(suggestion: Suggestion) -> SuggestionView:
    return SuggestionView(
        class_=suggestion.class_,
        action=suggestion.action,
        category=suggestion.category,
        confidence=round(suggestion.confidence, 2),
        basis=_basis(suggestion.rule, suggestion.words),
        reason=one_line(suggestion.reason, _MAX_WORDS_CHARS),
        advice=one_line(suggestion.advice, _MAX_WORDS_CHARS) or None,
        memory=suggestion.memory,
        runtime=suggestion.runtime,
    )


def _view_leaning(leaning: Leaning) -> str:
    named = f"{leaning.action} ({leaning.class_}, confidence {leaning.confidence:.2f})"
    return f"{named}, {_basis(leaning.rule, leaning.words)}"


def _basis(rule: str | None, words: Sequence[str]) -> str:
    """Return the rule that matched and the words that weigh most; words are those of the model, never free text."""
    ruled = f"rule {rule}" if rule and rule != WORDS_RULE else ""
    spoken = f"words {', '.join(words)}" if words else ""
    return one_line("; ".join(filter(None, (ruled, spoken))), _MAX_WORDS_CHARS)


def _view_record(record: SignatureRecord) -> RecordView | None:
    if not (record.retried or record.failed):
        return None
    return RecordView(
        retried=record.retried,
        retries_succeeded=record.retries_succeeded,
        retries_failed_again=record.retries_failed_again,
        failed=record.failed,
    )


def _memory(memory_bytes: int | None) -> str | None:
    return None if memory_bytes is None else describe_memory(memory_bytes)
