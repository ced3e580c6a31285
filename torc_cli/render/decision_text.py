"""Proposals and decisions about failed jobs, as people read them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import BaseModel

from torc_cli.render.base import Column, Table
from torc_cli.render.text import number
from torc_core.api.failures import (
    ClassifiedJob,
    ClassifyResponse,
    ProposalEntry,
    ProposalModel,
    UndoResponse,
)
from torc_core.hints import Hint, Line, torc
from torc_core.recovery.review import actor_words, job_words, on_one_line, record_words

_JOBS_SHOWN: Final = 50
_SIGNATURE_SHOWN: Final = 12
_LEAST_HOURS: Final = 0.05
"""Less than this is not worth a word."""


PROPOSALS: Final = Table(
    "proposals",
    (
        Column("ID", "id", right=True),
        Column("Status", "status"),
        Column("By", lambda proposal: actor_words(proposal.actor)),
        Column("Retry", "jobs_to_retry", right=True),
        Column("Fail", "jobs_to_fail", right=True),
        Column("Skipped", "jobs_skipped", right=True),
        Column("Created", "created_at", time=True),
        Column("Expires", "expires_at", time=True, gives_way=True),
        Column("Decided By", lambda proposal: actor_words(proposal.decided_by) if proposal.decided_by else None),
    ),
)


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
        f"{proposal.status} by {actor_words(proposal.decided_by)} at {proposal.decided_at}"
        if proposal.decided_by
        else f"{proposal.status}, until {proposal.expires_at}"
    )
    would = "" if proposal.status == "approved" else "would be "
    more = [f"{proposal.remaining} more are too many for one call."] if proposal.remaining else []
    return [
        f"Proposal {proposal.id} for workflow {proposal.workflow_id}: {decided}",
        f"By {actor_words(proposal.actor)} at {proposal.created_at}",
        *([f"Decision: {on_one_line(proposal.decision_reason)}"] if proposal.decision_reason else []),
        f"{number(proposal.jobs_to_retry, 'job')} {would}sent back, {proposal.jobs_to_fail} {would}failed, "
        f"{proposal.jobs_skipped} {would}skipped.{_cost(proposal.entries)}",
        *(line for place, entry in enumerate(proposal.entries, 1) for line in entry_lines(entry, place)),
        *more,
    ]


def entry_lines(entry: ProposalEntry, place: int) -> Iterator[str]:
    """Yield one entry as people review it: the jobs, their cause, what changes, why, and what came before."""
    action = "skip" if entry.status == "skipped" else entry.action
    signature = f"  [{entry.signature[:_SIGNATURE_SHOWN]}]" if entry.signature else ""
    jobs = job_words(entry.count, entry.job_names, entry.job_ids)
    yield f"{place}. {action} {number(entry.count, 'job')}: {jobs}{signature}"
    if entry.cause:
        yield f"   Cause: {on_one_line(entry.cause)}"
    if entry.reason != entry.cause:
        yield f"   Reason: {on_one_line(entry.reason)}"
    if changed := changes(entry):
        yield f"   Change: {', '.join(changed)}"
    if entry.detail:
        yield f"   Note: {entry.detail}"
    if text := record_words(entry.record):
        yield f"   Before: {text}"


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
