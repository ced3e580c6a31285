"""A proposal as people read it: one row for all jobs that are judged alike."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel

from torc_cli.render.base import Column, Table
from torc_cli.render.triage_text import changes
from torc_core.api.failures import ClassifiedJob, ProposalModel
from torc_core.hints import Hint, Line, torc

_IDS_SHOWN = 3


class ProposalRow(BaseModel):
    """Jobs with one judgement; `example` is the name of the first."""

    jobs: str
    example: str
    action: str
    change: str
    reason: str


JUDGEMENTS = Table(
    "judgements",
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
    """Retries first, then what is given up, then what is skipped and why; large groups before small ones."""
    groups: defaultdict[_Kind, list[ClassifiedJob]] = defaultdict(list)
    for job in jobs:
        action = "skip" if job.status == "skipped" else job.action
        reason = job.detail if job.status == "skipped" and job.detail else job.reason
        groups[_Kind(action, ", ".join(changes(job)), reason)].append(job)
    order = ("retry", "fail", "skip")
    ranked = sorted(groups.items(), key=lambda group: (order.index(group[0].action), -len(group[1])))
    return [_row(kind, members) for kind, members in ranked]


def how_to_approve(proposal: ProposalModel) -> list[Line]:
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
