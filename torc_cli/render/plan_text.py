"""A plan of allocations as a table of at most 80 columns, and the lines around it."""

from collections.abc import Iterator
from typing import Final

from torc_cli.render.base import Column, Table
from torc_cli.render.text import clipped, number
from torc_core.resources.duration import describe_duration
from torc_core.slurm.plan import AllocationGroup, AllocationPlan

_NAME_WIDTH: Final = 14
_PARTITION_WIDTH: Final = 11


def _allocations(group: AllocationGroup) -> str:
    cap = "" if group.max_at_once is None else f"%{group.max_at_once}"
    nodes = f"x{group.nodes}" if group.nodes > 1 else ""
    return f"{group.allocations}{cap}{nodes}"


def _hours(hours: float) -> str:
    return f"{hours:.0f}" if hours >= 1000 else f"{hours:.4g}"


ALLOCATION_GROUPS: Final = Table(
    "groups",
    (
        Column("Group", lambda group: clipped(group.name, _NAME_WIDTH)),
        Column("Stage", lambda group: group.stage + 1, right=True),
        Column("Jobs", "job_count", right=True),
        Column("Partition", lambda group: clipped(group.partition, _PARTITION_WIDTH)),
        Column("Allocs", _allocations, right=True),
        Column("Each", lambda group: f"{group.concurrency}x{group.slots}", right=True),
        Column("Walltime", lambda group: describe_duration(group.walltime_minutes * 60), right=True),
        Column("Node-h", lambda group: _hours(group.node_hours), right=True),
    ),
)


def plan_lines(plan: AllocationPlan, *, site: str, charge: float) -> Iterator[str]:
    """Yield the sums of the plan, for people."""
    allocations = number(plan.allocations, "allocation")
    account = "" if plan.account is None else f" of the account {plan.account}"
    yield f"{number(plan.job_count, 'job')} in {allocations} on {site}{account}"
    yield f"at most {_hours(plan.node_hours)} node-hours (charged: {_hours(charge)})"
    yield "Allocs: allocations, %: at a time, x: nodes of each."
    yield "Each: jobs side by side x one after the other."
