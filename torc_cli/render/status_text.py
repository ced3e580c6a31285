"""The status of a workflow, as people and programs read it: counts, verdict, next commands."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from torc_cli.render.allocation_text import allocation_lines
from torc_cli.render.text import clipped, display, number
from torc_core.api.failures import FailureGroups
from torc_core.api.workflows import WorkflowStatusModel
from torc_core.hints import Hint, TorcCommand, torc
from torc_core.jobs.status import (
    ACTIVE,
    AWAITING_DECISION,
    FAILED_FOR_GOOD,
    FRESH,
    RESETTABLE_FAILURES,
    STARTABLE,
    JobStatus,
)
from torc_core.resources.duration import describe_duration

if TYPE_CHECKING:
    from torc_client.allocations.standing import StandingAllocations

GROUPS_SHOWN: Final = 5
_WIDTH: Final = 80


def status_data(
    status: WorkflowStatusModel, failures: FailureGroups | None, allocations: "StandingAllocations | None" = None
) -> dict[str, Any]:
    """Return the status for programs, with times for people too, and the largest failure groups without texts."""
    walltime = status.walltime_seconds
    return status.model_dump(mode="json") | {
        "total_exec_time_formatted": describe_duration(status.total_exec_time_minutes * 60),
        "walltime_formatted": None if walltime is None else describe_duration(walltime),
        "failure_groups": [
            group.model_dump(mode="json", exclude={"record": True, "sample": {"evidence"}})
            for group in (failures.items if failures else [])
        ],
        "failure_group_count": failures.total_count if failures else 0,
        "allocations": [view.model_dump(mode="json") for view in (allocations.views if allocations else [])],
        "allocations_note": allocations.note if allocations else None,
    }


def status_text(
    status: WorkflowStatusModel, failures: FailureGroups | None, allocations: "StandingAllocations | None" = None
) -> str:
    """Return several lines for people, the verdict last."""
    name, user = display(status.workflow_name), display(status.workflow_user)
    lines = [
        f"Workflow {status.workflow_id}: {name} (user {user}, run {status.run_id})",
        f"Jobs: {status.total_jobs}",
        *(f"  {name.replace('_', ' '):<14} {count}" for name, count in count_pairs(status) if count),
        f"Execution time: {describe_duration(status.total_exec_time_minutes * 60)}",
    ]
    if status.walltime_seconds is not None:
        lines.append(f"Walltime: {describe_duration(status.walltime_seconds)}")
    if status.active_compute_nodes:
        lines.append(f"Active runners: {status.active_compute_nodes}")
    if status.failed_actions:
        lines.append(f"Actions: {status.failed_actions} failed")
    if status.due_actions and (status.is_complete or status.is_canceled):
        lines.append(f"Actions: {status.due_actions} due, and wait for a runner")
    if allocations is not None:
        lines += allocation_lines(allocations.views)
        lines += [f"  {allocations.note}"] if allocations.note else []
    elif status.pending_scheduled_nodes or status.active_scheduled_nodes:
        lines.append(f"Allocations: {status.active_scheduled_nodes} active, {status.pending_scheduled_nodes} pending")
    if failures is not None and failures.items:
        lines += ["Failures:", *_failure_lines(failures)]
    return "\n".join([*lines, "", verdict(status, allocations)])


def _failure_lines(failures: FailureGroups) -> Iterator[str]:
    width = max(len(str(group.count)) for group in failures.items)
    for group in failures.items:
        suggestion = group.suggestion
        advice = "no suggestion" if suggestion is None else f"{suggestion.class_}, {suggestion.action}"
        head, cause = f"  {group.count:>{width}} x {group.signature} [{advice}]", display(group.cause)
        if len(head) + len(cause) < _WIDTH:
            yield f"{head} {cause}"
        else:
            yield from (head, f"{' ' * (width + 5)}{clipped(cause, _WIDTH - width - 5)}")
    left = failures.total_count - len(failures.items)
    if left > 0:
        yield f"  and {number(left, 'more group')}"


def count_pairs(status: WorkflowStatusModel) -> list[tuple[str, int]]:
    """Return status name and number of jobs, in the order of a job's life."""
    return [(str(each), count) for each, count in status.jobs_by_status.root.items()]


def unsuccessful(status: WorkflowStatusModel) -> int:
    """Return the number of jobs that ended without success, decided or not."""
    return status.jobs_by_status.total(RESETTABLE_FAILURES)


def verdict(status: WorkflowStatusModel, allocations: "StandingAllocations | None" = None) -> str:
    """Return in one sentence how the workflow stands; with its allocations, whether it waits for them."""
    counts = status.jobs_by_status
    if status.is_archived:
        return "The workflow is archived."
    if status.is_canceled:
        return "The workflow was canceled."
    if status.total_jobs == 0:
        return "The workflow has no jobs."
    if counts.total(FRESH) == status.total_jobs:
        return "The workflow was not started yet."
    if status.is_complete:
        return (
            "The workflow is complete: every job succeeded."
            if not unsuccessful(status)
            else (f"The workflow is complete: {unsuccessful(status)} job(s) did not succeed.")
        )
    if waiting := counts.total(AWAITING_DECISION):
        if (
            counts[JobStatus.READY]
            and not counts.total(ACTIVE)
            and allocations is not None
            and not allocations.may_serve
        ):
            due = " yet: it is due to be asked for" if status.due_allocation_actions else ""
            left = f"{counts[JobStatus.READY]} ready job(s) have no allocation{due}"
            return f"{waiting} failed job(s) wait for a decision, and {left}."
        return f"{waiting} failed job(s) wait for a decision."
    if counts.total(ACTIVE):
        return "The workflow is running."
    if allocations is not None and allocations.may_serve:
        return "Nothing runs now: the jobs wait for their allocations."
    if allocations is not None and allocations.are_stuck:
        return "Nothing runs, and none of the allocations that are queued will start."
    return "The workflow is not complete, and nothing runs."


class NextStep(NamedTuple):
    """A command that would bring the workflow on, and a remark that says what it does."""

    command: TorcCommand
    remark: str = ""


def next_steps(status: WorkflowStatusModel, allocations: "StandingAllocations | None" = None) -> Iterator[NextStep]:
    """Yield what would bring the workflow on, the best first."""
    workflow_id, counts = status.workflow_id, status.jobs_by_status
    if status.is_archived:
        yield NextStep(torc("workflows archive", "false", workflow_id))
        return
    if status.due_actions and (status.is_complete or status.is_canceled):
        yield NextStep(torc("run", workflow_id), "carries out the actions that are due")
    if status.failed_actions:
        yield NextStep(torc("actions logs", workflow_id), "what the failed actions printed")
    if status.is_canceled:
        yield NextStep(torc("reinit", workflow_id), "what was canceled goes back to its beginning")
        yield NextStep(torc("run", workflow_id))
        return
    if allocations is not None and allocations.unsettled:
        yield NextStep(torc("workflows sync-status", workflow_id), "reclaims the jobs of allocations that ended")
    if status.due_allocation_actions and allocations is not None and counts.total(STARTABLE):
        yield NextStep(torc("submit", workflow_id), "submits the allocations that are due")
    if counts.total(AWAITING_DECISION):
        yield NextStep(torc("failures list", workflow_id), "what failed, grouped; then decide")
        yield NextStep(torc("recover", workflow_id, "--dry-run"), "what recovery would do by itself")
    elif counts.total(FAILED_FOR_GOOD):
        for failed in sorted(FAILED_FOR_GOOD):
            if counts[failed]:
                yield NextStep(torc("jobs list", workflow_id, "--status", failed))
        yield NextStep(torc("recover", workflow_id, "--dry-run"))
    if unsuccessful(status):
        once_more = torc("workflows reset-status", workflow_id, "--failed-only", "--reinitialize")
        yield NextStep(once_more, "all of them once more")
    if status.is_complete or counts.total(ACTIVE):
        return
    if counts.total(AWAITING_DECISION) and not counts[JobStatus.READY]:
        return
    if allocations is not None and allocations.may_serve:
        yield NextStep(torc("watch", workflow_id), "follows it to its end")
        return
    if allocations is not None and allocations.views:
        yield NextStep(torc("slurm regenerate", workflow_id, "--dry-run"), "new allocations for what is left")
    yield NextStep(torc("run", workflow_id), "on this machine" if allocations is not None else "")


def next_step_lines(status: WorkflowStatusModel, allocations: "StandingAllocations | None" = None) -> list[Hint]:
    """Return the next steps as lines that can be pasted into a shell."""
    return [
        Hint(f"  {{}}    # {step.remark}" if step.remark else "  {}", step.command)
        for step in next_steps(status, allocations)
    ]
