"""`torc slurm regenerate`: allocations for the jobs that a workflow has left."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from torc_cli.commands.options.allocations import PlanChoices
from torc_cli.commands.options.left_allocations import left_allocations
from torc_cli.commands.options.recovery import OutputDirOption
from torc_cli.commands.options.submission import cluster_here
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, Line, torc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torc_client.recovery.allocations import Allocations, PlannedAllocation
    from torc_client.submission.recovery_planner import LeftPlan, RecoveryPlanner

_CHOICES: Final = PlanChoices()


@command
def regenerate(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    choices: PlanChoices = _CHOICES,
    submit: Annotated[bool, typer.Option("--submit", help="Submit the allocations.")] = False,
    output_dir: OutputDirOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be submitted; change nothing.")
    ] = False,
) -> None:
    """Plan allocations for the jobs of a workflow that still have to run, and submit them with --submit.

    Without --submit, it shows what it would submit and changes nothing, as with --dry-run.

    For example: `torc slurm regenerate 42 --submit`.
    """
    if submit and dry_run:
        raise InvalidInputError("--submit and --dry-run contradict each other", hint="use one of them")
    chosen = session.workflow_id(workflow_id)
    planner, allocations = _planner(session, choices, submit=submit)
    status = session.client.workflow_status(chosen)
    left = planner.plan(session.client, chosen)
    planned = planner.submissions(session.client, chosen, left, Path())
    data = _data(left, planned, chosen)
    if not left.plan.groups:
        session.out.done(f"Workflow {chosen} has no job that waits to run: nothing to submit", data)
        return
    open_count = status.pending_scheduled_nodes + status.active_scheduled_nodes
    if open_count and submit:
        session.out.note(f"Workflow {chosen} has {open_count} allocation(s) that have not ended; these come on top.")
    if not submit:
        how = Hint("Submit them with: {}", torc("slurm regenerate", chosen, "--submit"))
        session.out.done([*_lines(left, planned, chosen), how], data)
        return
    folder = output_dir or Path(session.settings.output_dir)
    submitted = allocations.submit(session.client, chosen, output_dir=folder, say=session.out.note)
    deferred = left.plan.allocations - len(submitted)
    lines: list[Line] = [f"Submitted {len(submitted)} allocation(s) for workflow {chosen}"]
    if deferred:
        lines.append(f"{deferred} allocation(s) follow once the jobs that they are for are ready")
    session.out.done(
        lines,
        data
        | {
            "dry_run": False,
            "submitted": True,
            "allocations_submitted": len(submitted),
            "allocations_deferred": deferred,
        },
    )


def _planner(session: Session, choices: PlanChoices, *, submit: bool) -> "tuple[RecoveryPlanner, Allocations]":
    """Return the planner, and what submits. Raises InvalidInputError where nothing can be submitted."""
    from torc_client.submission.recovery_planner import left_planner

    options = choices.as_options({})
    allocations = left_allocations(session, profile=choices.profile, options=options)
    if submit:
        cluster_here(session)
    return left_planner(os.environ, allocations, profile=choices.profile, options=options), allocations


def _data(left: "LeftPlan", planned: "Sequence[PlannedAllocation]", workflow_id: int) -> dict[str, Any]:
    from torc_client.recovery.planned_text import planned_data

    profile = left.site.profile if left.site is not None else None
    return {
        "workflow_id": workflow_id,
        "dry_run": True,
        "submitted": False,
        "pending_jobs": left.plan.job_count,
        "profile_name": profile.name if profile else None,
        "profile_display_name": profile.display_name if profile else None,
        "planned_schedulers": planned_data(planned),
        "total_allocations": left.plan.allocations,
        "node_hours": left.plan.node_hours,
        "warnings": list(left.notes),
    }


def _lines(left: "LeftPlan", planned: "Sequence[PlannedAllocation]", workflow_id: int) -> list[Line]:
    from torc_client.recovery.planned_text import planned_lines

    return [
        f"{left.plan.job_count} job(s) of workflow {workflow_id} wait to run. Planned for them:",
        *planned_lines(planned),
        *(f"  {note}" for note in left.notes),
        f"Total: {left.plan.allocations} allocation(s) would be submitted",
    ]
