"""The report at the end of `torc run`: how the workflow stands, what failed and why, what to do next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from torc_cli.render.status_text import count_pairs, next_step_lines, unsuccessful, verdict
from torc_cli.render.text import display, number
from torc_client.http import TorcClient
from torc_client.recovery.bounded_recovery import FinishedRecovery
from torc_client.recovery.state import is_success
from torc_client.recovery.summary import history_data, history_lines
from torc_core.api.failures import FailureGroup
from torc_core.api.workflows import WorkflowStatusModel
from torc_core.hints import Hint, Line, TorcCommand, torc
from torc_core.jobs.status import JobStatus

if TYPE_CHECKING:
    from runner.summary import RunSummary

_GROUPS_SHOWN: Final = 10


def failure_groups(client: TorcClient, status: WorkflowStatusModel) -> list[FailureGroup]:
    """Return the largest failure groups; none where nothing failed."""
    if not unsuccessful(status):
        return []
    return client.failures.groups(status.workflow_id, status="all", limit=_GROUPS_SHOWN, job_ids_limit=10).items


def report_text(
    status: WorkflowStatusModel,
    groups: list[FailureGroup],
    explanation: Line,
    *,
    stopped: "RunSummary | None" = None,
    history: Sequence[FinishedRecovery] = (),
) -> list[Line]:
    """Return the report; `history` are the recoveries between the runs.

    `stopped` is the summary of a runner that a signal or its time limit ended; what it left is described
    in place of the verdict.
    """
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in count_pairs(status) if count)
    name = display(status.workflow_name)
    lines: list[Line] = [f"Workflow {status.workflow_id} ({name}), run {status.run_id}: {counts or 'no jobs'}"]
    if not is_success(status):
        lines.append(Hint("The runner left: {}", explanation))
    lines += [line for group in groups for line in _group_lines(group)]
    lines += map(_display_indented, history_lines(history))
    if stopped is None or is_success(status):
        return [*lines, verdict(status), *next_step_lines(status)]
    go_on = next_after_stop(status, stopped)
    return [*lines, _what_was_stopped(status, stopped), Hint("  {}    # go on", go_on), *next_step_lines(status)]


def next_after_stop(status: WorkflowStatusModel, stopped: "RunSummary") -> TorcCommand:
    """Return the command that goes on where a runner was ended early: what it stopped is sent back first."""
    return torc("run", status.workflow_id, *(["--recover"] if stopped.terminated else []))


def _what_was_stopped(status: WorkflowStatusModel, stopped: "RunSummary") -> str:
    from runner.summary import ExitReason

    what = "The run was interrupted" if stopped.reason is ExitReason.INTERRUPTED else "The time of the run was up"
    parts = [f"{number(stopped.terminated, 'job')} stopped"] if stopped.terminated else []
    if stopped.terminated and (canceled := status.jobs_by_status[JobStatus.CANCELED]):
        parts.append(f"{number(canceled, 'job')} canceled as what they depend on did not succeed")
    if left := status.jobs_by_status.total((JobStatus.READY, JobStatus.BLOCKED)):
        parts.append(f"{number(left, 'job')} not begun")
    return f"{what}: {', '.join(parts)}." if parts else f"{what}."


def report_data(
    status: WorkflowStatusModel,
    groups: list[FailureGroup],
    explanation: str,
    next_commands: list[str],
    *,
    runner: dict[str, Any],
    history: Sequence[FinishedRecovery] = (),
) -> dict[str, Any]:
    return {
        "workflow_id": status.workflow_id,
        "workflow_name": status.workflow_name,
        "run_id": status.run_id,
        "success": is_success(status),
        "is_complete": status.is_complete,
        "total_jobs": status.total_jobs,
        "jobs_by_status": dict(count_pairs(status)),
        "explanation": explanation,
        "runner": runner,
        "recoveries": history_data(history),
        "failures": [_group_data(group) for group in groups],
        "next_commands": next_commands,
    }


def _display_indented(line: str) -> str:
    text = line.lstrip()
    return line[: len(line) - len(text)] + display(text)


def _group_lines(group: FailureGroup) -> list[str]:
    sample = group.sample
    more = f" and {group.count - 1} more" if group.count > 1 else ""
    job = f"Job {sample.job_id} ({display(sample.job_name)}){more}"
    line = f"  {job}: return code {sample.return_code}, {display(group.cause)}"
    failed_script = sample.evidence.recovery_script_error if sample.evidence else None
    reason = group.suggestion.reason if group.suggestion else group.cause
    return [
        line,
        *([f"    not tried again: its recovery script {display(failed_script)}"] if failed_script else []),
        *([f"    {display(reason)}"] if reason != group.cause else []),
    ]


def _group_data(group: FailureGroup) -> dict[str, Any]:
    return {
        "signature": group.signature,
        "cause": group.cause,
        "count": group.count,
        "job_ids": group.job_ids,
        "return_code": group.sample.return_code,
        "recovery_script_error": group.sample.evidence.recovery_script_error if group.sample.evidence else None,
        "suggestion": None if group.suggestion is None else group.suggestion.model_dump(mode="json"),
    }
