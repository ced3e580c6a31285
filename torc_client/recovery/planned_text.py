"""Planned allocations as people and programs read them."""

from collections.abc import Sequence
from typing import Any

from torc_client.recovery.allocations import PlannedAllocation


def planned_lines(planned: Sequence[PlannedAllocation]) -> list[str]:
    """Return a line for each submission: how many allocations, where, how long, and for how many jobs."""
    return [_line(each) for each in planned]


def planned_data(planned: Sequence[PlannedAllocation]) -> list[dict[str, Any]]:
    """Return the same for programs; `has_dependencies` marks what is submitted once its jobs are ready."""
    return [
        {
            **({} if each.scheduler is None else each.scheduler.model_dump(include=_SHOWN)),
            "num_allocations": each.allocation_count,
            "job_count": each.job_count,
            "has_dependencies": bool(each.gate),
        }
        for each in planned
    ]


_SHOWN = {"name", "account", "partition", "qos", "walltime", "nodes", "mem", "gres", "extra"}


def _line(planned: PlannedAllocation) -> str:
    count, scheduler = planned.allocation_count, planned.scheduler
    words = [f"{count} allocation{'' if count == 1 else 's'}"]
    if scheduler is not None:
        nodes = "1 node" if scheduler.nodes == 1 else f"{scheduler.nodes} nodes"
        words.append(f"of {scheduler.walltime} on {nodes}")
        words += [f"in {scheduler.partition}"] if scheduler.partition else []
        words += [f"with {scheduler.mem}"] if scheduler.mem else []
    words.append(f"for {planned.job_count} job{'' if planned.job_count == 1 else 's'}")
    return "  " + " ".join(words) + (", once they are ready" if planned.gate else "")
