"""The resource report, requested against used resources, as people read it."""

from typing import Final

from torc_cli.render.base import Column, Table
from torc_core.recovery.foresight import ForeseenLess
from torc_core.recovery.resource_report import UtilizationReport

OVER_UTILIZATION: Final = Table(
    "resources",
    (
        Column("Job ID", "job_id", right=True),
        Column("Job Name", "job_name"),
        Column("Resource", "resource_type"),
        Column("Specified", "specified"),
        Column("Peak Used", "peak_used"),
        Column("Over-Utilization", "over_utilization", right=True),
    ),
)


def verdict_line(report: UtilizationReport) -> str:
    """Return in one line whether jobs used more than they asked for."""
    if not report.total_results:
        return "No results yet."
    if report.over_utilization_count:
        return f"⚠ Found {report.over_utilization_count} resource over-utilization violation(s):"
    return f"✓ All {report.total_results} jobs stayed within their specified resource requirements"


def violation_lines(report: UtilizationReport) -> list[str]:
    """Return one line for each failed job, with its limits and what it used."""
    lines = []
    for failed in report.resource_violations:
        limits = f"memory {failed.configured_memory}, runtime {failed.configured_runtime}"
        peak = f", peak memory {failed.peak_memory_formatted}" if failed.peak_memory_formatted else ""
        lines.append(
            f"  Job {failed.job_id} ({failed.job_name}): return code {failed.return_code}, {failed.cause}: "
            f"{failed.reason} ({limits}{peak})"
        )
    return lines


def less_lines(report: UtilizationReport) -> list[str]:
    """Return one line for each kind of job that asks for far more than its siblings used."""
    return [
        f"  {each.template}: "
        + " and ".join(f"{amount} of {what}" for what, amount in _amounts(each) if amount)
        + f" would do ({each.reason}; {each.waiting} not started)"
        for each in report.less_would_do or ()
    ]


def _amounts(less: ForeseenLess) -> tuple[tuple[str, str | None], ...]:
    return (("memory", less.memory), ("runtime", less.runtime))
