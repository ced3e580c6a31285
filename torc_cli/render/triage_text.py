"""Failures, proposals and decisions in words for people."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from torc_cli.render.base import Column, Table
from torc_cli.render.text import number
from torc_core.api.failures import Actor, ClassifiedJob, ClassifyResponse, FailureGroup, ProposalModel, SignatureRecord
from torc_core.api.results import ResultModel
from torc_core.evidence.record import Evidence
from torc_core.resources.duration import describe_duration
from torc_core.resources.memory import describe_memory

_JOBS_SHOWN: Final = 50


def _of_suggestion(field: str) -> "Column":
    return Column(
        {"class_": "Class", "action": "Action", "confidence": "Confidence"}[field],
        lambda group: None if group.suggestion is None else getattr(group.suggestion, field),
        right=field == "confidence",
    )


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

PROPOSALS: Final = Table(
    "proposals",
    (
        Column("ID", "id", right=True),
        Column("Status", "status"),
        Column("By", lambda proposal: describe_actor(proposal.actor)),
        Column("Retry", "jobs_to_retry", right=True),
        Column("Fail", "jobs_to_fail", right=True),
        Column("Skipped", "jobs_skipped", right=True),
        Column("Created", "created_at"),
        Column("Expires", "expires_at"),
        Column("Decided By", lambda proposal: describe_actor(proposal.decided_by) if proposal.decided_by else None),
    ),
)

DECISIONS: Final = Table(
    "decisions",
    (
        Column("ID", "id", right=True),
        Column("Job ID", "job_id", right=True),
        Column("Job Name", "job_name"),
        Column("Run", "run_id", right=True),
        Column("Attempt", "attempt_id", right=True),
        Column("Action", "action"),
        Column("Outcome", "outcome"),
        Column("By", lambda decision: describe_actor(decision.actor)),
        Column("Approved By", lambda decision: describe_actor(decision.approved_by) if decision.approved_by else None),
        Column("Memory", "memory"),
        Column("Runtime", "runtime"),
        Column("Decided At", "decided_at"),
        Column("Reason", "reason"),
    ),
)


def describe_actor(actor: Actor) -> str:
    """`ann`, or `agent helper 1.0 for ann`."""
    if actor.kind == "person":
        return actor.name
    words = [actor.kind, actor.name, actor.version, f"for {actor.user}" if actor.user else None]
    return " ".join(word for word in words if word)


def judged_text(answer: ClassifyResponse | ProposalModel, *, planned: bool) -> str:
    """What was, or would be, done to how many jobs; then the jobs."""
    would = "would be " if planned else ""
    counts = (
        f"{number(answer.jobs_to_retry, 'job')} {would}sent back, {answer.jobs_to_fail} {would}failed, "
        f"{answer.jobs_skipped} {would}skipped."
    )
    more = f"{answer.remaining} more are too many for one call." if answer.remaining else ""
    return "\n".join([counts, *_job_lines(answer.jobs), *([more] if more else [])])


def progress_text(so_far: ClassifyResponse) -> str:
    """What is decided, and what is left, of a group that takes several calls."""
    decided = so_far.jobs_to_retry + so_far.jobs_to_fail
    return f"{number(decided, 'job')} decided, {so_far.remaining} left..."


def changes(job: ClassifiedJob) -> list[str]:
    """The amounts that a judgement changes."""
    return [
        f"{what} {old or '-'} -> {new}"
        for what, old, new in (
            ("memory", job.old_memory, job.memory),
            ("runtime", job.old_runtime, job.runtime),
        )
        if new
    ]


def _job_lines(jobs: Sequence[ClassifiedJob]) -> Iterator[str]:
    ordered = sorted(jobs, key=lambda job: job.status != "skipped")
    for job in ordered[:_JOBS_SHOWN]:
        what = "skipped" if job.status == "skipped" else ", ".join([job.action, *changes(job)])
        yield f"  - Job {job.job_id} ({job.job_name}): {what}{f': {job.detail}' if job.detail else ''}"
    if len(ordered) > _JOBS_SHOWN:
        yield f"  - and {len(ordered) - _JOBS_SHOWN} more"


def proposal_text(proposal: ProposalModel) -> str:
    decided = (
        f"{proposal.status} by {describe_actor(proposal.decided_by)} at {proposal.decided_at}"
        if proposal.decided_by
        else f"{proposal.status}, until {proposal.expires_at}"
    )
    reasons = list(dict.fromkeys(job.reason for job in proposal.jobs))
    return "\n".join(
        [
            f"Proposal {proposal.id} for workflow {proposal.workflow_id}: {decided}",
            f"By {describe_actor(proposal.actor)} at {proposal.created_at}",
            *(f"Reason: {reason}" for reason in reasons[:10]),
            *([f"Decision: {proposal.decision_reason}"] if proposal.decision_reason else []),
            judged_text(proposal, planned=proposal.status != "approved"),
        ]
    )


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
        yield "Suggestion: none; somebody has to look"
        return
    amounts = "".join(
        f" with {what} {amount}"
        for what, amount in (("memory", suggestion.memory), ("runtime", suggestion.runtime))
        if amount
    )
    yield (
        f"Suggestion: {suggestion.action}{amounts} ({suggestion.class_}, {suggestion.category}, "
        f"confidence {suggestion.confidence:.2f}, rule {suggestion.rule})"
    )
    yield f"  {suggestion.reason} {suggestion.advice}".rstrip()


def record_text(record: SignatureRecord) -> str:
    if not record.retried and not record.failed:
        return "none"
    return (
        f"retried {number(record.retried, 'time')} ({record.retries_succeeded} succeeded, "
        f"{record.retries_failed_again} failed again), given up {number(record.failed, 'time')}"
    )


def evidence_text(evidence: Evidence) -> str:
    """Facts first, then what the attempt said."""
    texts = (
        ("stderr, around the first failure", evidence.stderr_excerpt),
        ("stderr, its end", evidence.stderr_tail),
        ("stdout, its end", evidence.stdout_tail),
    )
    facts = [f"  {name}: {value}" for name, value in _facts(evidence)]
    said = [f"  {name}:\n{_indented(text)}" for name, text in texts if text.strip()]
    return "\n".join([*facts, *(said or ["  It said nothing that was recorded."])])


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
