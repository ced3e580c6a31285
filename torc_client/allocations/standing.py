"""The recorded allocations of a workflow, as the queue of this machine's cluster shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from torc_client.slurm.cluster import find_cluster
from torc_client.slurm.port import Scheduler
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.errors import SchedulerError, SchedulerUnreachableError
from torc_core.slurm.standing import AllocationView, view_allocations

PATIENCE_S: Final = 3.0
"""A stopped controller costs ten seconds a command, and somebody waits for the status."""
_ACCOUNTED: Final = 20
"""So many ended allocations are asked for at most: a status shows fewer, and sacct reads a database."""
_RECORDED_ALONE: Final = "shown is what the server has recorded"


@dataclass(frozen=True, kw_only=True)
class StandingAllocations:
    """The allocations, and a sentence where the queue could not be asked about all of them."""

    views: Sequence[AllocationView]
    note: str | None = None

    @property
    def may_serve(self) -> bool:
        """Return whether some allocation runs, or is queued and may start."""
        return any(view.standing != "ended" and not view.will_not_start for view in self.views)

    @property
    def are_stuck(self) -> bool:
        """Return whether allocations are queued, and none of all will start."""
        return not self.may_serve and any(view.will_not_start for view in self.views)

    @property
    def unsettled(self) -> bool:
        """Return whether some have ended of which the server does not know it."""
        return any(view.standing == "ended" and view.status in ("pending", "active") for view in self.views)


def with_accounted_states(scheduler: Scheduler, views: Sequence[AllocationView]) -> Sequence[AllocationView]:
    """Return the views; the newest ended ones that the queue has forgotten have the state that accounting keeps."""
    forgotten = sorted(
        view.scheduler_id
        for view in views
        if view.standing == "ended" and view.state is None and view.array is None and view.scheduler_id > 0
    )[-_ACCOUNTED:]
    if not forgotten:
        return views
    try:
        found = scheduler.accounting(forgotten)
    except SchedulerError:  # without accounting, their end is all that is known
        return views
    return [
        view.model_copy(update={"state": record.state, "nodes": record.nodes})
        if view.state is None and (record := found.get(view.scheduler_id)) is not None
        else view
        for view in views
    ]


def look_at_queue(
    records: Sequence[ScheduledComputeNodeModel], environment: Mapping[str, str], *, patience_s: float = PATIENCE_S
) -> StandingAllocations:
    """Return the records as the queue shows them, of one squeue; within seconds also where nobody answers."""
    now = datetime.now()  # noqa: DTZ005 -- Slurm prints local times without a zone
    asked = [record for record in records if record.scheduler_type == "slurm" and record.scheduler_id > 0]
    if not asked:
        return StandingAllocations(views=view_allocations(records, None, now=now))
    cluster = find_cluster(environment, tries=1, timeout_s=patience_s)
    if cluster is None:
        note = f"Slurm's programs are not on this machine: {_RECORDED_ALONE}"
        return StandingAllocations(views=view_allocations(records, None, now=now), note=note)
    try:
        return _ask(cluster, records, now)
    except SchedulerUnreachableError:
        note = f"Slurm does not answer: {_RECORDED_ALONE}"
    except SchedulerError as error:
        note = f"Slurm cannot be asked ({error.message}): {_RECORDED_ALONE}"
    return StandingAllocations(views=view_allocations(records, None, now=now), note=note)


def _ask(scheduler: Scheduler, records: Sequence[ScheduledComputeNodeModel], now: datetime) -> StandingAllocations:
    # The cluster's name is a second command, so it is asked only where records name one.
    names = {record.cluster for record in records if record.cluster is not None}
    here = scheduler.name() if names else None
    own = [record for record in records if record.cluster in (None, here)]
    rows = scheduler.queue([record.scheduler_id for record in own if record.scheduler_id > 0])
    own_views = with_accounted_states(scheduler, view_allocations(own, rows, now=now))
    views = {id(record): view for record, view in zip(own, own_views, strict=True)}
    others = [record for record in records if id(record) not in views]
    views |= {id(record): view for record, view in zip(others, view_allocations(others, None, now=now), strict=True)}
    elsewhere = ", ".join(sorted({record.cluster or "" for record in others}))
    note = f"allocations of the cluster {elsewhere} cannot be asked for here: {_RECORDED_ALONE}" if others else None
    return StandingAllocations(views=[views[id(record)] for record in records], note=note)
