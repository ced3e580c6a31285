"""Checks, starts and resets of workflows, as people and programs read them."""

from typing import TYPE_CHECKING, Any

from torc_cli.render.text import display, number
from torc_core.hints import Hint, Line, torc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torc_client.runs.begin_run import PlannedReinit, StartCheck, StatusReset
    from torc_client.runs.changed_inputs import StaleJob


def spec_report_lines(report: dict[str, Any]) -> list[str]:
    """Return what the check of a workflow file found, the verdict last."""
    summary = report["summary"] or {}
    lines = [
        f"{key.replace('_', ' ').capitalize()}: {value}"
        for key, value in summary.items()
        if value not in (None, 0, []) and key not in ("job_names", "has_schedule_nodes_action")
    ]
    lines += [f"Error: {line}" for line in report["errors"]]
    lines += [f"Warning: {line}" for line in report["warnings"]]
    warnings = f" (with {len(report['warnings'])} warning(s))" if report["warnings"] else ""
    return [*lines, f"Validation: {'PASSED' + warnings if report['valid'] else 'FAILED'}"]


def check_lines(check: "StartCheck") -> list[str]:
    """Return whether a workflow can start, and what is missing or would be overwritten."""
    lines = [f"  missing input file: {path}" for path in check.missing_input_files]
    lines += [f"  missing user data: {name}" for name in check.missing_user_data]
    lines += [f"  would be overwritten: {path}" for path in check.existing_output_files]
    verdict = "can start" if check.is_safe else "cannot start"
    return [f"Workflow {check.workflow_id} {verdict}.", *lines]


def reinit_lines(planned: "PlannedReinit") -> list[str]:
    """Return what a reinitialization would find and send back, each job with the reason."""
    jobs = [f"  would run again: {display(job.name)} (job {job.job_id}): {display(job.reason)}" for job in planned.jobs]
    return [*check_lines(planned.check), *(jobs or ["  no job changed"])]


def reinit_data(planned: "PlannedReinit") -> dict[str, object]:
    """Return the same for programs."""
    return {**check_data(planned.check), "jobs_to_reset": stale_data(planned.jobs)}


def stale_data(jobs: "Sequence[StaleJob]") -> list[dict[str, object]]:
    """Return jobs that run again, with the reasons, for programs."""
    return [{"job_id": job.job_id, "job_name": job.name, "reason": job.reason} for job in jobs]


def check_data(check: "StartCheck") -> dict[str, object]:
    """Return the same for programs."""
    return {
        "workflow_id": check.workflow_id,
        "safe": check.is_safe,
        "missing_input_files": list(check.missing_input_files),
        "missing_input_file_count": len(check.missing_input_files),
        "missing_user_data": list(check.missing_user_data),
        "existing_output_files": list(check.existing_output_files),
        "existing_output_file_count": len(check.existing_output_files),
    }


def reset_lines(done: "StatusReset", which: str, *, output_dir: "Path | None" = None) -> list[Line]:
    """Return what was reset and the next step; `which` jobs, `failed` or `all`.

    `output_dir` is where the last runner kept its logs, where that is not the usual place.
    """
    messages: list[Line] = [
        f"Reset {done.updated_count} {which} job(s) of workflow {done.workflow_id}, run {done.run_id}"
    ]
    run = torc("run", done.workflow_id, *([] if output_dir is None else ["-o", str(output_dir)]))
    if done.started is None:
        messages.append(Hint("Next: {}", run))
    else:
        ready = number(done.started.ready_count, "job")
        messages.append(Hint("Reinitialized: {} ready, {} blocked; next: {}", ready, done.started.blocked_count, run))
    return messages


def reset_data(done: "StatusReset", *, failed_only: bool, messages: list[str]) -> dict[str, Any]:
    """Return the same for programs; `messages` are the lines for people."""
    started = done.started
    return {
        "status": "success",
        "workflow_id": done.workflow_id,
        "run_id": done.run_id,
        "failed_only": failed_only,
        "operations": {
            "workflow_reset": {"run_id": done.run_id},
            "job_reset": {"updated_count": done.updated_count},
            "reinitialize": None
            if started is None
            else {"ready_count": started.ready_count, "blocked_count": started.blocked_count},
        },
        "messages": messages,
    }
