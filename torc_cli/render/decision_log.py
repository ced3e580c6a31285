"""Decisions that were made, as a list and by group."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from torc_cli.render.base import Column, Table
from torc_core.api.failures import Actor, DecisionModel
from torc_core.recovery.review import actor_words

_SIGNATURE_SHOWN: Final = 12


def _by(decision: DecisionModel) -> str:
    """Return who answers for the decision, and whose idea it was."""
    return _by_words(decision.actor, decision.approved_by)


def _by_words(actor: Actor, approved_by: Actor | None) -> str:
    if approved_by is None or approved_by == actor:
        return actor_words(actor)
    return f"{actor_words(approved_by)}, proposed by {actor.kind} {actor.name}"


def _change(decision: DecisionModel) -> str:
    amounts = (("memory", decision.memory), ("runtime", decision.runtime))
    return ", ".join(f"{what} {amount}" for what, amount in amounts if amount)


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
        Column("By", lambda decision: actor_words(decision.actor)),
        Column(
            "Approved By",
            lambda decision: actor_words(decision.approved_by) if decision.approved_by else None,
            gives_way=True,
        ),
        Column("Memory", "memory", gives_way=True),
        Column("Runtime", "runtime", gives_way=True),
        Column("Decided At", "decided_at", time=True),
        Column("Reason", "reason"),
    ),
)


class DecisionGroup(BaseModel):
    """Decisions that are alike in all but the job."""

    decided_at: str
    signature: str | None
    action: str
    outcome: str
    count: int
    by: str
    proposal_id: int | None
    reason: str
    change: str
    job_ids: list[int]


DECISION_GROUPS: Final = Table(
    "decision groups",
    (
        Column("Jobs", "count", right=True),
        Column("Action", "action"),
        Column("Outcome", "outcome"),
        Column("Signature", lambda group: (group.signature or "")[:_SIGNATURE_SHOWN], gives_way=True),
        Column("By", "by"),
        Column("Change", "change"),
        Column("Reason", "reason"),
    ),
)


def group_decisions(found: Sequence[DecisionModel]) -> list[DecisionGroup]:
    """Return the decisions by what they have in common, in the order in which they were made."""
    groups: defaultdict[tuple[object, ...], list[DecisionModel]] = defaultdict(list)
    for one in found:
        key = (
            one.decided_at,
            one.signature,
            one.action,
            one.outcome,
            _by(one),
            one.proposal_id,
            one.reason,
            _change(one),
        )
        groups[key].append(one)
    return [
        DecisionGroup(
            decided_at=first.decided_at,
            signature=first.signature,
            action=first.action,
            outcome=first.outcome,
            count=len(members),
            by=_by(first),
            proposal_id=first.proposal_id,
            reason=first.reason,
            change=_change(first),
            job_ids=[one.job_id for one in members],
        )
        for members in groups.values()
        for first in members[:1]
    ]
