"""How allocations ended: the queue decides whether they did, and accounting is asked once for what it has forgotten."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from torc_client.slurm.port import Scheduler
from torc_core.errors import SchedulerError, SchedulerUnreachableError
from torc_core.slurm.allocation import AllocationEnd, AllocationStatus, Phase
from torc_core.slurm.queue import find_liveliest

REQUEUED: Final = "REQUEUED"
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""Clocks of nodes and of the controller differ by less; Slurm waits two minutes before it starts a requeued one."""


@dataclass(frozen=True, kw_only=True)
class QueueLook:
    """One look at the queue: which allocations have ended, and which wait there for a change by a person."""

    ends: Mapping[int, AllocationEnd] = field(default_factory=dict)
    stuck: tuple[AllocationStatus, ...] = ()


def find_ends(
    scheduler: Scheduler, scheduler_ids: Collection[int], *, begun: Mapping[int, datetime] | None = None
) -> Mapping[int, AllocationEnd]:
    """Return the ends of those allocations that have ended; the others are left out. As `look_at_queue` does."""
    return look_at_queue(scheduler, scheduler_ids, begun=begun).ends


def look_at_queue(
    scheduler: Scheduler, scheduler_ids: Collection[int], *, begun: Mapping[int, datetime] | None = None
) -> QueueLook:
    """Look at these allocations, in one call of the queue.

    `begun` says when the first runner of an allocation began: with it, one that was sent back to the queue since has
    an end, too. Raises SchedulerUnreachableError when the queue cannot be asked.
    """
    rows = scheduler.queue(scheduler_ids)
    known = find_liveliest(rows, scheduler_ids)
    # The last task of an array bears the array's id: for its runner its own row counts, and not that of a sibling.
    own = find_liveliest((replace(row, array_job_id=None) for row in rows), scheduler_ids)
    living = {each for each, status in known.items() if status.phase is not Phase.ENDED}
    begun_ids = () if begun is None else begun.keys()
    # Accounting alone does not say that an allocation has ended: it keeps NODE_FAIL of one that is queued again.
    forgotten = [each for each in scheduler_ids if each not in own and (each not in known or each in begun_ids)]
    ends = {each: AllocationEnd(scheduler_id=each, array_lives=each in living) for each in forgotten}
    for scheduler_id, status in {**known, **own}.items():
        if scheduler_id in ends:
            continue
        if status.phase is Phase.ENDED:
            ends[scheduler_id] = AllocationEnd(
                scheduler_id=scheduler_id,
                state=status.state,
                reason=status.reason,
                ended_at=read_time(status.end_time),
                array_lives=scheduler_id in living,
            )
        elif begun is not None and (again := _again_from(status, begun.get(scheduler_id))) is not None:
            ends[scheduler_id] = AllocationEnd(scheduler_id=scheduler_id, state=REQUEUED, again_from=again)
    return QueueLook(
        ends={**ends, **_accounted(scheduler, forgotten, living)} if forgotten else ends,
        stuck=tuple(status for status in known.values() if status.will_not_start),
    )


def read_time(text: str | None) -> datetime | None:
    """Return a point in time as Slurm prints it: in the zone of this machine. None for other texts."""
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None


def _again_from(status: AllocationStatus, begun: datetime | None) -> datetime | None:
    """Return from when on runners belong to the allocation's present life; None where it has had only one."""
    if begun is None:
        return None
    if status.phase is Phase.QUEUED:
        # A queued allocation has no runners: those that are registered began before this moment.
        return datetime.now().astimezone() + _CLOCKS_DIFFER
    started = read_time(status.start_time)
    return None if started is None or begun >= started - _CLOCKS_DIFFER else started - _CLOCKS_DIFFER


def _accounted(
    scheduler: Scheduler, scheduler_ids: Collection[int], living: Collection[int]
) -> Mapping[int, AllocationEnd]:
    """Return what accounting has; nothing where the cluster keeps none or it does not answer."""
    try:
        records = scheduler.accounting(scheduler_ids)
    except (SchedulerUnreachableError, SchedulerError):
        return {}
    return {
        record.scheduler_id: AllocationEnd(
            scheduler_id=record.scheduler_id,
            state=record.state,
            reason=record.reason,
            exit_code=record.exit_code,
            ended_at=read_time(record.end_time),
            array_lives=record.scheduler_id in living,
        )
        for record in records.values()
    }
