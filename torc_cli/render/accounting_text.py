"""Accounting as tables of at most 80 columns, and the lines around them."""

from collections.abc import Iterator
from typing import Final

from torc_cli.render.base import Column, Table
from torc_cli.render.text import clipped, number
from torc_core.resources.memory import describe_memory
from torc_core.slurm.usage import AccountedRow, AllocationUsage, StepStats, WorkflowUsage, clock

_NODES_WIDTH: Final = 12
_NAME_WIDTH: Final = 12


def _peak(row: AccountedRow | StepStats) -> str:
    if row.max_rss_bytes is None:
        return ""
    return f"{'>' if row.max_rss_is_low else ''}{describe_memory(row.max_rss_bytes)}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _hours(hours: float) -> str:
    return f"{hours:.0f}" if hours >= 1000 else f"{hours:.4g}"


ACCOUNTED: Final = Table(
    "rows",
    (
        Column("Allocation", lambda row: f"{row.slurm_job_id}{'.' if row.job_step else ''}{row.job_step}"),
        Column("State", "state"),
        Column("Exit", "exit_code"),
        Column("Elapsed", "elapsed", right=True),
        Column("MaxRSS", _peak, right=True),
        Column("CPU time", "cpu_time", right=True),
        Column("Nodes", lambda row: clipped(row.nodes or "", _NODES_WIDTH)),
    ),
)

STEPS: Final = Table(
    "steps",
    (
        Column("Job", "job_id", right=True),
        Column("Name", lambda row: clipped(row.job_name or "", _NAME_WIDTH)),
        Column("Run.Try", lambda row: f"{row.run_id}.{row.attempt_id}"),
        Column("State", "state"),
        Column("Elapsed", lambda row: clock(row.elapsed_s), right=True),
        Column("MaxRSS", _peak, right=True),
        Column("CPU time", lambda row: clock(row.cpu_time_s), right=True),
        Column("Nodes", lambda row: clipped(row.node_list or "", _NODES_WIDTH)),
    ),
)

USAGE: Final = Table(
    "allocations",
    (
        Column("Allocation", "slurm_job_id"),
        Column("State", "state"),
        Column("Nodes", lambda row: row.nodes or None, right=True),
        Column("CPUs", lambda row: row.cpus or None, right=True),
        Column("Elapsed", lambda row: clock(row.elapsed_s) if row.nodes else None, right=True),
        Column("Node-h", lambda row: _hours(row.node_hours) if row.nodes else None, right=True),
        Column("Core-h", lambda row: _hours(row.core_hours_granted) if row.nodes else None, right=True),
        Column("Used", lambda row: _percent(row.share_used), right=True),
    ),
)


def usage_lines(used: WorkflowUsage) -> Iterator[str]:
    """Yield the sums, for people."""
    share = "" if used.share_used is None else f" ({_percent(used.share_used)})"
    yield f"{_hours(used.node_hours)} node-hours in {number(used.total_slurm_jobs, 'allocation')}"
    yield f"{_hours(used.core_hours_used)} of {_hours(used.core_hours_granted)} core-hours used{share}"
    if waiting := sum(each.state == "PENDING" for each in used.allocations):
        yield f"{number(waiting, 'allocation')} still queued: nothing is used before the start."
    if any(_still_runs(each) for each in used.allocations):
        yield "Allocations that still run are counted up to now, and their CPU time when their steps end."


def _still_runs(each: AllocationUsage) -> bool:
    return each.state == "RUNNING"
