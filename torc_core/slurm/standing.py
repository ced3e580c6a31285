"""How the recorded allocations of a workflow stand: what the server has of them, joined with rows of the queue."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.slurm.allocation import AllocationStatus, Phase

Standing = Literal["pending", "active", "ended"]
_STANDINGS: Final[Mapping[Phase, Standing]] = {
    Phase.QUEUED: "pending",
    Phase.RUNNING: "active",
    Phase.ENDED: "ended",
}
_RECORDED: Final[Mapping[str, Standing]] = {"submitting": "pending", "pending": "pending", "active": "active"}
"""Of a recorded status; every other one is an end."""


class AllocationView(ScheduledComputeNodeModel):
    """A recorded allocation with what the queue says. Without the queue `state` is null and the record is all.

    Of an array these are its tasks that have no record of their own: `queued_tasks` of them wait.
    """

    standing: Standing
    state: str | None = None
    """Slurm's word."""
    reason: str | None = None
    explanation: str | None = None
    """Why it waits, in plain words."""
    will_not_start: bool = False
    estimated_start: str | None = None
    """In the cluster's local time, as Slurm prints it."""
    nodes: str | None = None
    end_time: str | None = None
    time_left_s: float | None = None
    partition: str | None = None
    queued_tasks: int | None = None


def view_allocations(
    records: Sequence[ScheduledComputeNodeModel], rows: Iterable[AllocationStatus] | None, *, now: datetime
) -> list[AllocationView]:
    """Return each record with its rows of the queue. None for `rows`: the queue was not asked.

    `now` is the local time of the cluster, without a zone, as Slurm prints times.
    """
    if rows is None:
        return [_view(record) for record in records]
    own = {record.scheduler_id for record in records if record.array is None}
    by_id: dict[int, AllocationStatus] = {}
    of_array: defaultdict[int, list[AllocationStatus]] = defaultdict(list)
    for row in rows:
        # the tasks of an array that still wait bear the id of the array
        if row.array_job_id is not None and (row.scheduler_id not in own or row.scheduler_id == row.array_job_id):
            of_array[row.array_job_id].append(row)
        if row.scheduler_id in own:
            by_id[row.scheduler_id] = row
    views = []
    for record in records:
        if record.array is not None:
            views.append(_view_array(record, of_array.get(record.scheduler_id, []), now=now))
        else:
            views.append(_joined(record, by_id.get(record.scheduler_id), now=now))
    return views


def without_begun_arrays(views: Sequence[AllocationView]) -> list[AllocationView]:
    """Leave out each array of which no task waits and some have records of their own: they stand for it."""
    begun = {view.array_record_id for view in views if view.array_record_id is not None}
    return [view for view in views if view.array is None or view.queued_tasks or view.id not in begun]


def count_standings(views: Sequence[AllocationView]) -> Mapping[Standing, int]:
    """Return how many allocations are pending, active and ended; of an array its waiting tasks count."""
    counts: Counter[Standing] = Counter()
    for view in without_begun_arrays(views):
        counts[view.standing] += view.queued_tasks or 1
    return counts


def _view(record: ScheduledComputeNodeModel) -> AllocationView:
    return AllocationView(**record.model_dump(), standing=_RECORDED.get(record.status, "ended"))


def _joined(record: ScheduledComputeNodeModel, row: AllocationStatus | None, *, now: datetime) -> AllocationView:
    if row is None:
        # An intent has no id yet; what the queue has forgotten has ended.
        is_intent = record.status == "submitting"
        return _view(record) if is_intent else _view(record).model_copy(update={"standing": "ended"})
    return _view(record).model_copy(
        update={
            "standing": _STANDINGS[row.phase],
            "state": row.state,
            "reason": row.reason,
            "explanation": row.explanation,
            "will_not_start": row.will_not_start,
            "estimated_start": row.start_time if row.phase is Phase.QUEUED else None,
            "nodes": row.nodes,
            "end_time": row.end_time if row.phase is not Phase.QUEUED else None,
            "time_left_s": _time_left(row, now),
            "partition": row.partition,
        }
    )


def _view_array(
    record: ScheduledComputeNodeModel, rows: Sequence[AllocationStatus], *, now: datetime
) -> AllocationView:
    queued = [row for row in rows if row.phase is Phase.QUEUED]
    running = [row for row in rows if row.phase is Phase.RUNNING]
    first = min(queued, key=lambda row: (row.start_time is None, row.start_time or ""), default=None)
    view = _joined(record, first or next(iter(running or rows), None), now=now)
    return view.model_copy(update={"queued_tasks": len(queued) or None})


def _time_left(row: AllocationStatus, now: datetime) -> float | None:
    if row.phase is not Phase.RUNNING or row.end_time is None:
        return None
    try:
        end = datetime.fromisoformat(row.end_time)
    except ValueError:
        return None
    return None if end.tzinfo else max(0.0, (end - now).total_seconds())
