"""How allocations ended: the queue decides whether they did, and accounting is asked once for what it has forgotten."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torc_client.slurm.port import Scheduler
from torc_core.errors import SchedulerError, SchedulerUnreachableError
from torc_core.slurm.allocation import Phase


@dataclass(frozen=True, kw_only=True)
class AllocationEnd:
    """The end of one allocation in the scheduler's words. `state` is None where it is not kept."""

    scheduler_id: int
    state: str | None = None
    reason: str | None = None
    exit_code: str | None = None


def find_ends(scheduler: Scheduler, scheduler_ids: Collection[int]) -> Mapping[int, AllocationEnd]:
    """Return the ends of those allocations that have ended; the others are left out.

    Raises SchedulerUnreachableError when the queue cannot be asked.
    """
    known = scheduler.status(scheduler_ids)
    # Accounting alone does not say that an allocation has ended: it keeps NODE_FAIL of one that is queued again.
    forgotten = [scheduler_id for scheduler_id in scheduler_ids if scheduler_id not in known]
    ends = {scheduler_id: AllocationEnd(scheduler_id=scheduler_id) for scheduler_id in forgotten}
    for scheduler_id, status in known.items():
        if status.phase is Phase.ENDED:
            ends[scheduler_id] = AllocationEnd(scheduler_id=scheduler_id, state=status.state, reason=status.reason)
    return {**ends, **_accounted(scheduler, forgotten)} if forgotten else ends


def _accounted(scheduler: Scheduler, scheduler_ids: Collection[int]) -> Mapping[int, AllocationEnd]:
    """Return what accounting has; nothing where the cluster keeps none or it does not answer."""
    try:
        records = scheduler.accounting(scheduler_ids)
    except (SchedulerUnreachableError, SchedulerError):
        return {}
    return {
        record.scheduler_id: AllocationEnd(
            scheduler_id=record.scheduler_id, state=record.state, reason=record.reason, exit_code=record.exit_code
        )
        for record in records.values()
    }
