"""Proposals and decisions about failed jobs, as people read them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import BaseModel

from torc_cli.render.base import Column, Table
from torc_cli.render.text import number
from torc_core.api.failures import (
    Actor,
    ClassifiedJob,
    ClassifyResponse,
    ProposalEntry,
    ProposalModel,
    SignatureRecord,
    UndoResponse,
)
from torc_core.hints import Hint, Line, torc

_JOBS_SHOWN: Final = 50
_SIGNATURE_SHOWN: Final = 12
_LEAST_HOURS: Final = 0.05
"""Less than this is not worth a word."""


PROPOSALS: Final = Table(
    "proposals",
    (
        Column("ID", "id", right=True),
        Column("Status", "status"),
        Column("By", lambda proposal: describe_actor(proposal.actor)),
        Column("Retry", "jobs_to_retry", right=True),
        Column("Fail", "jobs_to_fail", right=True),
        Column("Skipped", "jobs_skipped", right=True),
        Column("Created", "created_at", time=True),
        Column("Expires", "expires_at", time=True, gives_way=True),
        Column("Decided By", lambda proposal: describe_actor(proposal.decided_by) if proposal.decided_by else None),
    ),
)


DECISIONS: Final = Table(
    "decisions",
    (
        Column("ID", "id", right=True),
        Column("Job ID", "job_id", right=True),
        Column("Job Name", "job_name"),
        Column("Run", "run_id", right=True, gives_way=True),
        Column("Attempt", "attempt_id", right=True, gives_way=True),
        Column("Action", "action"),
        Column("Outcome", "outcome"),
        Column("By", lambda decision: describe_actor(decision.actor)),
        Column(
            "Approved By",
            lambda decision: describe_actor(decision.approved_by) if decision.approved_by else None,
            gives_way=True,
        ),
        Column("Memory", "memory", gives_way=True),
        Column("Runtime", "runtime", gives_way=True),
        Column("Decided At", "decided_at", time=True),
        Column("Reason", "reason"),
    ),
)


def describe_actor(actor: Actor) -> str:
    """Return `ann`, or `agent helper 1.0 for ann`."""
    if actor.kind == "person":
        return actor.name
    words = [actor.kind, actor.name, actor.version, f"for {actor.user}" if actor.user else None]
    return " ".join(word for word in words if word)


def decided_text(answer: ClassifyResponse, *, planned: bool) -> str:
    """Return what was or would be done: counts first, then the jobs."""
    would = "would be " if planned else ""
    counts = (
        f"{number(answer.jobs_to_retry, 'job')} {would}sent back, {answer.jobs_to_fail} {would}failed, "
        f"{answer.jobs_skipped} {would}skipped."
    )
    more = f"{answer.remaining} more are too many for one call." if answer.remaining else ""
    return "\n".join([counts, *_job_lines(answer.jobs), *([more] if more else [])])


def undone_text(answer: UndoResponse) -> str:
    """Return how many decisions were undone, and why others stay."""
    lines = [f"{number(answer.undone, 'decision')} undone, {answer.skipped} left as they are."]
    stay = [job for job in answer.jobs if job.status == "skipped"]
    lines += [f"  - Job {job.job_id} ({job.job_name}): {job.detail}" for job in stay[:_JOBS_SHOWN]]
    if len(stay) > _JOBS_SHOWN:
        lines.append(f"  - and {len(stay) - _JOBS_SHOWN} more")
    return "\n".join(lines)


def progress_text(so_far: ClassifyResponse) -> str:
    """Return how many jobs of a large group are decided so far, and how many are left."""
    decided = so_far.jobs_to_retry + so_far.jobs_to_fail
    return f"{number(decided, 'job')} decided, {so_far.remaining} left..."


def changes(job: ClassifiedJob | ProposalEntry) -> list[str]:
    """Return the amounts that an entry changes."""
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


def proposal_text(proposal: ProposalModel) -> list[Line]:
    """Return a proposal with its state and its entries: what failed alike and is to be treated alike."""
    decided = (
        f"{proposal.status} by {describe_actor(proposal.decided_by)} at {proposal.decided_at}"
        if proposal.decided_by
        else f"{proposal.status}, until {proposal.expires_at}"
    )
    would = "" if proposal.status == "approved" else "would be "
    more = [f"{proposal.remaining} more are too many for one call."] if proposal.remaining else []
    return [
        f"Proposal {proposal.id} for workflow {proposal.workflow_id}: {decided}",
        f"By {describe_actor(proposal.actor)} at {proposal.created_at}",
        *([f"Decision: {proposal.decision_reason}"] if proposal.decision_reason else []),
        f"{number(proposal.jobs_to_retry, 'job')} {would}sent back, {proposal.jobs_to_fail} {would}failed, "
        f"{proposal.jobs_skipped} {would}skipped.{_cost(proposal.entries)}",
        *(line for place, entry in enumerate(proposal.entries, 1) for line in entry_lines(entry, place)),
        *more,
    ]


def entry_lines(entry: ProposalEntry, place: int) -> Iterator[str]:
    """Yield one entry as people review it: the jobs, their cause, what changes, why, and what came before."""
    action = "skip" if entry.status == "skipped" else entry.action
    signature = f"  [{entry.signature[:_SIGNATURE_SHOWN]}]" if entry.signature else ""
    yield f"{place}. {action} {number(entry.count, 'job')}: {_names(entry)}{signature}"
    if entry.cause:
        yield f"   Cause: {entry.cause}"
    if entry.reason != entry.cause:
        yield f"   Reason: {entry.reason}"
    if changed := changes(entry):
        yield f"   Change: {', '.join(changed)}"
    if entry.detail:
        yield f"   Note: {entry.detail}"
    if text := _record_text(entry.record):
        yield f"   Before: {text}"


def _names(entry: ProposalEntry) -> str:
    more = entry.count - len(entry.job_names)
    names = ", ".join(f"{name} ({job_id})" for name, job_id in zip(entry.job_names, entry.job_ids, strict=False))
    return f"{names} and {more} more" if more > 0 else names


def _record_text(record: SignatureRecord) -> str:
    parts = [
        f"retried {record.retried}, of these {record.retries_succeeded} succeeded and "
        f"{record.retries_failed_again} failed again"
        if record.retried
        else "",
        f"given up {record.failed}" if record.failed else "",
    ]
    return "; ".join(part for part in parts if part)


def _cost(entries: Sequence[ProposalEntry]) -> str:
    hours = sum(entry.cpu_hours for entry in entries)
    return f" The attempts may take {hours:,.1f} CPU-hours at most." if hours >= _LEAST_HOURS else ""


_IDS_SHOWN = 3


class ProposalRow(BaseModel):
    """The jobs of one kind of entry; `example` is the name of the first."""

    jobs: str
    example: str
    action: str
    change: str
    reason: str


ENTRIES = Table(
    "entries",
    (
        Column("Job IDs", "jobs"),
        Column("Name", "example"),
        Column("Action", "action"),
        Column("Change", "change"),
        Column("Reason", "reason"),
    ),
)


def proposal_rows(entries: Sequence[ProposalEntry]) -> list[ProposalRow]:
    """Return a row for each entry of a proposal, in their order; where a reason stands twice, the cause follows it."""
    times = Counter(entry.reason for entry in entries)
    return [_row(entry, with_cause=times[entry.reason] > 1) for entry in entries]


def how_to_approve(proposal: ProposalModel) -> list[Line]:
    """Return the counts of a proposal and the commands that apply it."""
    return [
        f"Proposal {proposal.id}: retry {proposal.jobs_to_retry}, fail {proposal.jobs_to_fail}, "
        f"skip {proposal.jobs_skipped} job(s). No job was changed.",
        Hint("Next: {}, then {}", torc("failures approve", proposal.id), torc("run", proposal.workflow_id)),
    ]


def _row(entry: ProposalEntry, *, with_cause: bool) -> ProposalRow:
    shown = ", ".join(map(str, entry.job_ids[:_IDS_SHOWN]))
    more = f" and {entry.count - _IDS_SHOWN} more" if entry.count > _IDS_SHOWN else ""
    is_skipped = entry.status == "skipped"
    reason = entry.detail if is_skipped and entry.detail else entry.reason
    return ProposalRow(
        jobs=shown + more,
        example=entry.job_names[0],
        action="skip" if is_skipped else entry.action,
        change=", ".join(changes(entry)),
        reason=f"{reason} ({entry.cause})" if with_cause and entry.cause else reason,
    )
