"""Nodes that fail jobs which run well elsewhere: new allocations leave them out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from torc_core.evidence.attempt import Cause
from torc_core.evidence.record import Evidence, RunnerVerdict

WINDOW: Final = timedelta(days=1)
_LEAST_NAMES: Final = 2
_SHOWN: Final = 3
_OWN_FAULT: Final = frozenset({Cause.OOM, Cause.TIMEOUT, Cause.PREEMPTED})
"""Causes that say nothing about the node."""
_ENDED_BY_OTHERS: Final = ("CANCELLED", "TIMEOUT", "DEADLINE", "REQUEUED", "OUT_OF_MEMORY", "COMPLETED")
"""States of an allocation whose jobs were lost through no fault of the node."""
_STOPPED_IN_ORDER: Final[RunnerVerdict] = "terminated"
"""The verdict of a runner that ended in order and stopped its jobs: it lived, and so did its node."""


@dataclass(frozen=True, kw_only=True)
class NodeEnd:
    """The end of one attempt on a node; `cause` is None where it completed."""

    node: str
    job_name: str
    ended_at: datetime
    cause: Cause | None = None
    was_ended_by_others: bool = False
    """Whether the scheduler or a person ended its allocation, as the time was up or somebody canceled it."""


@dataclass(frozen=True, kw_only=True)
class BadNode:
    """A node to leave out, and why: one clause."""

    node: str
    reason: str


def bad_nodes(ends: Iterable[NodeEnd], *, now: datetime) -> list[BadNode]:
    """Return the nodes that failed jobs of two different names within a day.

    Failures of the node itself count everywhere. Those of unknown cause count only against the one node that all of
    them happened on while others completed jobs: otherwise the jobs are to blame, and no node is without them.
    """
    recent = [end for end in ends if now - end.ended_at <= WINDOW]
    completed_on = {end.node for end in recent if end.cause is None}
    unknown_on = {end.node for end in recent if end.cause is Cause.UNKNOWN}
    names: defaultdict[str, list[str]] = defaultdict(list)
    for end in recent:
        if end.cause is None or end.cause in _OWN_FAULT or end.was_ended_by_others:
            continue
        is_alone = unknown_on == {end.node} and completed_on - {end.node} and end.node not in completed_on
        if end.cause is not Cause.UNKNOWN or is_alone:
            names[end.node].append(end.job_name)
    return [
        BadNode(node=node, reason=_reason(dict.fromkeys(failed)))
        for node, failed in sorted(names.items())
        if len(set(failed)) >= _LEAST_NAMES
    ]


def was_ended_by_others(evidence: Evidence | None) -> bool:
    """Return whether a person, the scheduler or the end of the runner's time ended the attempt, not its node."""
    if evidence is None:
        return False
    state = (evidence.scheduler.state if evidence.scheduler else None) or ""
    return evidence.verdict == _STOPPED_IN_ORDER or state.startswith(_ENDED_BY_OTHERS)


def _reason(names: Mapping[str, None]) -> str:
    shown = ", ".join(list(names)[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it failed {len(names)} jobs within a day ({shown}{more})"
