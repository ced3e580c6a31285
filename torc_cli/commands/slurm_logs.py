"""`torc slurm parse-logs`: failures in the output of a workflow's allocations."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from torc_cli.render.log_text import finding_data, finding_lines
from torc_cli.render.text import display, number
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session

if TYPE_CHECKING:
    from torc_client.allocations.allocation_logs import AllocationLogs
    from torc_client.logs.log_files import ScannedLog
    from torc_core.api.jobs import JobModel
    from torc_core.triage.log_scan import LogFinding

_NAMES_SHOWN: Final = 5


@command
def parse_logs(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    output_dir: Annotated[
        Path | None, typer.Option("-o", "--output-dir", help="The folder that the allocations wrote to.")
    ] = None,
    errors_only: Annotated[bool, typer.Option("--errors-only", help="Leave warnings out.")] = False,
) -> None:
    """Find failures in what the allocations of a workflow printed, with file, line, node and jobs.

    For example: `torc slurm parse-logs 3 --errors-only`.
    """
    from torc_client.allocations.allocation_logs import read_allocation_logs

    chosen = session.workflow_id(workflow_id)
    folder = output_dir or Path(session.settings.output_dir)
    found = read_allocation_logs(session.client, chosen, folder)
    if found.unrecorded:
        session.out.note(
            f"Warning: the server knows no allocation {', '.join(map(str, found.unrecorded))} of workflow {chosen}; "
            "their files may be those of a workflow with this id on another server."
        )
    shown = [(log, _chosen(log, errors_only=errors_only)) for log in found.logs]
    errors = sum(log.errors for log in found.logs)
    warnings = 0 if errors_only else sum(log.warnings for log in found.logs)
    if session.is_json:
        issues = [_issue(found, log, finding) for log, findings in shown for finding in findings]
        session.out.record(
            {
                "workflow_id": chosen,
                "output_dir": str(folder),
                "slurm_jobs_count": len(found.allocation_ids),
                "files_scanned": len(found.logs),
                "total_issues": errors + warnings,
                "errors": errors,
                "warnings": warnings,
                "issues": issues,
            }
        )
        return
    lines = [line for log, findings in shown if findings for line in _log_lines(found, log, findings)]
    files = number(len(found.logs), "file")
    lines.append(f"{number(errors, 'error')}, {number(warnings, 'warning')} in {files} of {folder}")
    if not found.logs:
        lines.append(f"The allocations of workflow {chosen} wrote nothing there: name their folder with -o.")
    session.out.done(lines, {})


def _chosen(log: "ScannedLog", *, errors_only: bool) -> "list[LogFinding]":
    return [each for each in log.findings if each.severity == "error" or not errors_only]


def _jobs(found: "AllocationLogs", log: "ScannedLog") -> "Sequence[JobModel]":
    return found.affected.get(log.log.allocation_id or 0, ())


def _issue(found: "AllocationLogs", log: "ScannedLog", finding: "LogFinding") -> dict[str, Any]:
    jobs = [{"job_id": job.id, "job_name": job.name} for job in _jobs(found, log)]
    return finding_data(log.log.name, finding) | {
        "slurm_job_id": str(log.log.allocation_id),
        "pattern_description": finding.description,
        "affected_jobs": jobs,
    }


def _log_lines(found: "AllocationLogs", log: "ScannedLog", findings: "list[LogFinding]") -> list[str]:
    jobs = _jobs(found, log)
    names = [f"{job.id} ({display(job.name)})" for job in jobs[:_NAMES_SHOWN]]
    more = f" and {number(len(jobs) - _NAMES_SHOWN, 'more job')}" if len(jobs) > _NAMES_SHOWN else ""
    lines = finding_lines(log, findings)
    if names:
        lines.insert(1, f"  affected jobs: {', '.join(names)}{more}")
    return [*lines, ""]
