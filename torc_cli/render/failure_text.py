"""Failure groups and their evidence, as people read them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from torc_cli.render.base import Column, Table
from torc_cli.render.text import number
from torc_core.api.failures import FailureGroup, SignatureRecord
from torc_core.api.results import ResultModel
from torc_core.evidence.record import Evidence
from torc_core.resources.duration import describe_duration
from torc_core.resources.memory import describe_memory
from torc_core.triage.suggestion import WORDS_RULE

_JOBS_SHOWN: Final = 50


def _of_suggestion(field: str) -> "Column":
    return Column(
        {"class_": "Class", "action": "Action", "confidence": "Confidence"}[field],
        lambda group: _leaning(group, field) if group.suggestion is None else getattr(group.suggestion, field),
        right=field == "confidence",
        gives_way=field == "confidence",
    )


def _leaning(group: FailureGroup, field: str) -> str | None:
    """Return the class that rule and words lean to, with a question mark: it is no suggestion."""
    return f"{group.leaning.class_}?" if field == "class_" and group.leaning is not None else None


GROUPS: Final = Table(
    "failure groups",
    (
        Column("Signature", "signature"),
        Column("Jobs", "count", right=True),
        _of_suggestion("class_"),
        _of_suggestion("action"),
        _of_suggestion("confidence"),
        Column("Sample Job", lambda group: f"{group.sample.job_id} ({group.sample.job_name})"),
        Column("Cause", lambda group: group.cause[:120]),
    ),
)


LESSONS: Final = Table(
    "lessons",
    (
        Column("Signature", "signature"),
        Column("Class", "class_"),
        Column("Action", "action"),
        Column("Decided", "decided", right=True),
        Column("Succeeded", "succeeded", right=True),
        Column("Failed Again", "failed_again", right=True),
        Column("Cause", lambda lesson: lesson.cause[:120]),
    ),
)


def why_line(group: FailureGroup) -> str | None:
    """Return in one line why the suggestion of a group is made; None where there is none."""
    suggestion = group.suggestion
    if suggestion is None:
        return None
    counts = f" Before: {record_text(group.record)}." if group.record.retried or group.record.failed else ""
    return f"  {group.signature}: {suggestion.action}. {suggestion.reason}{counts}"


def group_text(group: FailureGroup) -> str:
    sample = group.sample
    lines = [
        f"Signature {group.signature}: {number(group.count, 'job')}",
        f"Cause: {group.cause}",
        *_suggestion_lines(group),
        f"Earlier decisions: {record_text(group.record)}",
        f"Jobs: {', '.join(map(str, group.job_ids[:_JOBS_SHOWN]))}{' ...' if group.count > _JOBS_SHOWN else ''}",
        "",
        f"Job {sample.job_id} ({sample.job_name}), run {sample.run_id}, attempt {sample.attempt_id}:",
    ]
    return "\n".join(lines)


def _suggestion_lines(group: FailureGroup) -> Iterator[str]:
    suggestion = group.suggestion
    if suggestion is None:
        yield "Suggestion: none; read the evidence and decide"
        leaning = group.leaning
        if leaning is not None:
            yield (
                f"  It leans to {leaning.action} ({leaning.class_}, confidence {leaning.confidence:.2f}"
                f"{_basis(leaning.rule, leaning.words)}), which is not enough."
            )
        yield from _doubt_lines(group)
        return
    amounts = "".join(
        f" with {what} {amount}"
        for what, amount in (("memory", suggestion.memory), ("runtime", suggestion.runtime))
        if amount
    )
    yield (
        f"Suggestion: {suggestion.action}{amounts} ({suggestion.class_}, {suggestion.category}, "
        f"confidence {suggestion.confidence:.2f}{_basis(suggestion.rule, suggestion.words)})"
    )
    yield f"  {suggestion.reason} {suggestion.advice}".rstrip()
    yield from _doubt_lines(group)


def _basis(rule: str | None, words: Sequence[str]) -> str:
    """Return what a suggestion rests on: the rule that matched, and the words that weigh most."""
    ruled = f", rule {rule}" if rule and rule != WORDS_RULE else ""
    return f"{ruled}, words: {' / '.join(words)}" if words else ruled


def _doubt_lines(group: FailureGroup) -> Iterator[str]:
    for doubt in group.doubts:
        yield f"  Not believed: {doubt}."


def record_text(record: SignatureRecord) -> str:
    if not record.retried and not record.failed:
        return f"none, but on {number(record.alike, 'cause')} that read alike" if record.alike else "none"
    return (
        f"retried {number(record.retried, 'time')} ({record.retries_succeeded} succeeded, "
        f"{record.retries_failed_again} failed again), given up {number(record.failed, 'time')}"
    )


def evidence_text(evidence: Evidence) -> str:
    """Return the facts of a failed attempt, then what it printed."""
    texts = (
        ("stderr, around the first failure", evidence.stderr_excerpt),
        ("stderr, its end", evidence.stderr_tail),
        ("stdout, its end", evidence.stdout_tail),
    )
    facts = [f"  {name}: {value}" for name, value in _facts(evidence)]
    printed = [f"  {name}:\n{_indented(text)}" for name, text in texts if text.strip()]
    return "\n".join([*facts, *(printed or ["  It printed nothing that was recorded."])])


def _facts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    yield "return code", str(evidence.return_code)
    if evidence.verdict:
        yield "runner", evidence.verdict
    if evidence.missing_output_files:
        yield "missing output", ", ".join(evidence.missing_output_files)
    if evidence.recovery_script_error:
        yield "recovery script", evidence.recovery_script_error
    if evidence.peak_memory_bytes is not None:
        limit = evidence.memory_limit_bytes
        of = f" of {describe_memory(limit)}" if limit else ""
        yield "peak memory", f"{describe_memory(evidence.peak_memory_bytes)}{of}"
    if evidence.runtime_s is not None:
        of = f" of {describe_duration(evidence.runtime_limit_s)}" if evidence.runtime_limit_s else ""
        yield "runtime", f"{describe_duration(evidence.runtime_s)}{of}"
    if evidence.node:
        yield "node", evidence.node
    if evidence.scheduler and (evidence.scheduler.state or evidence.scheduler.reason):
        yield "scheduler", " ".join(filter(None, (evidence.scheduler.state, evidence.scheduler.reason)))


def _indented(text: str) -> str:
    return "\n".join(f"    | {line}" for line in text.strip("\n").split("\n"))


def attempts_text(results: Iterable[ResultModel]) -> str:
    return "\n".join(
        f"  run {result.run_id}, attempt {result.attempt_id}: {result.status}, return code {result.return_code}, "
        f"{describe_duration(result.exec_time_minutes * 60)}"
        for result in results
    )
