"""Allocations as the status shows them, and as a table of at most 80 columns."""

from collections.abc import Iterator, Sequence
from typing import Final

from torc_cli.render.base import Column, Table
from torc_cli.render.text import clipped, display
from torc_core.resources.duration import describe_duration
from torc_core.slurm.standing import AllocationView, Standing, count_standings, without_begun_arrays

_SHOWN: Final = 10
_ORDER: Final[tuple[Standing, ...]] = ("pending", "active", "ended")
_NODES_WIDTH: Final = 12
_REASON_WIDTH: Final = 18


ALLOCATIONS: Final = Table(
    "scheduled compute nodes",
    (
        Column("ID", "id", right=True),
        Column("Scheduler ID", "scheduler_id", right=True),
        Column("Config", "scheduler_config_id", right=True),
        Column("Status", "status"),
        Column("State", "state"),
        Column("Reason", lambda view: clipped(view.reason or "", _REASON_WIDTH)),
        Column("Nodes", lambda view: clipped(view.nodes or "", _NODES_WIDTH)),
    ),
)


def allocation_lines(views: Sequence[AllocationView]) -> Iterator[str]:
    """Yield how many allocations stand how, and a line for each: those that will not start first, ends last."""
    counts = count_standings(views)
    yield "Allocations: " + ", ".join(f"{counts.get(each, 0)} {each}" for each in _ORDER)
    ordered = sorted(
        without_begun_arrays(views),
        key=lambda view: (not view.will_not_start, _ORDER.index(view.standing), -(view.id or 0)),
    )
    for view in ordered[:_SHOWN]:
        shown = str(view.scheduler_id or "-")
        tasks = f" x {view.queued_tasks}" if view.queued_tasks else ""
        yield f"  {shown + tasks:<12} {view.standing:<7} {_words(view)}".rstrip()
    if len(ordered) > _SHOWN:
        yield f"  and {len(ordered) - _SHOWN} more"


def _words(view: AllocationView) -> str:
    match view.standing:
        case "pending":
            return _waiting(view)
        case "active":
            left = "" if view.time_left_s is None else f", {describe_duration(view.time_left_s)} left"
            place = f"on {display(view.nodes)}" if view.nodes else ""
            return f"{place}{left}".removeprefix(", ")
        case "ended":
            return view.state or (view.status if view.status not in ("pending", "active", "complete") else "")


def _waiting(view: AllocationView) -> str:
    if view.state is None:
        return "being submitted" if view.status == "submitting" else ""
    start = "" if view.estimated_start is None else f"; would start {view.estimated_start.replace('T', ' ')}"
    word = "" if view.reason is None else f" ({display(view.reason)})"
    verdict = "will not start: " if view.will_not_start else ""
    return f"{verdict}{view.explanation}{word}{start if not view.will_not_start else ''}"
