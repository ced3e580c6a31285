"""Proposals and decisions about failed jobs, as people read them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pydantic import BaseModel

from torc_cli.render.base import Column, Table
from torc_cli.render.text import number
from torc_core.api.failures import Actor, ClassifiedJob, ClassifyResponse, ProposalModel
from torc_core.hints import Hint, Line, torc

_JOBS_SHOWN: Final = 50


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
    """Return `ann`, or `agent helper 1.0 for ann`."""
    if actor.kind == "person":
        return actor.name
    words = [actor.kind, actor.name, actor.version, f"for {actor.user}" if actor.user else None]
    return " ".join(word for word in words if word)


def decided_text(answer: ClassifyResponse | ProposalModel, *, planned: bool) -> str:
    """Return what was or would be done: counts first, then the jobs."""
    would = "would be " if planned else ""
    counts = (
        f"{number(answer.jobs_to_retry, 'job')} {would}sent back, {answer.jobs_to_fail} {would}failed, "
        f"{answer.jobs_skipped} {would}skipped."
    )
    more = f"{answer.remaining} more are too many for one call." if answer.remaining else ""
    return "\n".join([counts, *_job_lines(answer.jobs), *([more] if more else [])])


def progress_text(so_far: ClassifyResponse) -> str:
    """Return how many jobs of a large group are decided so far, and how many are left."""
    decided = so_far.jobs_to_retry + so_far.jobs_to_fail
    return f"{number(decided, 'job')} decided, {so_far.remaining} left..."


def changes(job: ClassifiedJob) -> list[str]:
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


def proposal_text(proposal: ProposalModel) -> str:
    """Return a proposal with its state, reasons and jobs."""
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
            decided_text(proposal, planned=proposal.status != "approved"),
        ]
    )


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


class _Kind(NamedTuple):
    action: str
    change: str
    reason: str


def proposal_rows(jobs: Sequence[ClassifiedJob]) -> list[ProposalRow]:
    """Return the rows of a proposal: retries first, then failures, then what is skipped; large groups first."""
    groups: defaultdict[_Kind, list[ClassifiedJob]] = defaultdict(list)
    for job in jobs:
        action = "skip" if job.status == "skipped" else job.action
        reason = job.detail if job.status == "skipped" and job.detail else job.reason
        groups[_Kind(action, ", ".join(changes(job)), reason)].append(job)
    order = ("retry", "fail", "skip")
    ranked = sorted(groups.items(), key=lambda group: (order.index(group[0].action), -len(group[1])))
    return [_row(kind, members) for kind, members in ranked]


def how_to_approve(proposal: ProposalModel) -> list[Line]:
    """Return the counts of a proposal and the commands that apply it."""
    return [
        f"Proposal {proposal.id}: retry {proposal.jobs_to_retry}, fail {proposal.jobs_to_fail}, "
        f"skip {proposal.jobs_skipped} job(s). No job was changed.",
        Hint("Next: {}, then {}", torc("failures approve", proposal.id), torc("run", proposal.workflow_id)),
    ]


def _row(kind: _Kind, jobs: Sequence[ClassifiedJob]) -> ProposalRow:
    shown = ", ".join(str(job.job_id) for job in jobs[:_IDS_SHOWN])
    more = f" and {len(jobs) - _IDS_SHOWN} more" if len(jobs) > _IDS_SHOWN else ""
    return ProposalRow(
        jobs=shown + more, example=jobs[0].job_name, action=kind.action, change=kind.change, reason=kind.reason
    )
