"""The life of a workflow: `torc init`, `reinit`, `status`, `cancel`, `delete`; also below `torc workflows`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.render.beginning_text import check_data, check_lines, reinit_data, reinit_lines, stale_data
from torc_cli.render.text import display, number
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError, StateConflictError
from torc_core.hints import Hint, torc
from torc_core.jobs.status import ACTIVE, AWAITING_DECISION, JobStatus

if TYPE_CHECKING:
    from torc_client.allocations.standing import StandingAllocations
    from torc_client.runs.begin_run import StartedRun
    from torc_core.api.workflows import TaskModel

ForceOption = Annotated[
    bool, typer.Option("--force", help="Begin although input files are missing or jobs are active.", show_default=False)
]
StartDryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only print what is missing and what would be overwritten.")
]
ContentOption = Annotated[
    bool,
    typer.Option("--content", help="Record the contents of files, and compare these, not the times, where recorded."),
]
AsyncOption = Annotated[
    bool, typer.Option("--async", help="Let the server initialize in the background, and print the task.")
]
WaitOption = Annotated[
    float | None,
    typer.Option("--wait-timeout", min=0, metavar="SECONDS", help="With --async: wait so long for its end."),
]
NoPromptsOption = Annotated[bool, typer.Option("--no-prompts", help="Do not ask.")]


@command
def init(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    force: ForceOption = False,
    no_prompts: NoPromptsOption = False,
    dry_run: StartDryRunOption = False,
    content: ContentOption = False,
    in_background: AsyncOption = False,
    wait_timeout: WaitOption = None,
) -> None:
    """Begin a new run with every job from its beginning.

    For example: `torc init 3 --dry-run`.
    """
    from torc_client.runs.begin_run import initialize

    _refuse_lone_wait(wait_timeout, in_background=in_background)
    chosen = session.workflow_id(workflow_id)
    if dry_run:
        _show_check(session, chosen)
        return
    completed = session.client.workflow_status(chosen).jobs_by_status[JobStatus.COMPLETED]
    if completed and not session.agrees(
        f"{completed} job(s) of workflow {chosen} are completed and would run again. Continue?",
        without_asking=force or no_prompts,
    ):
        session.out.note("Nothing was changed.")
        return
    started = initialize(
        session.client, chosen, folder=Path.cwd(), force=force, by_content=content, in_background=in_background
    )
    _show_started(session, started, verb="Initialized", wait_s=wait_timeout)


@command
def reinit(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    force: ForceOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what is missing, and which jobs would run again and why.")
    ] = False,
    content: ContentOption = False,
    in_background: AsyncOption = False,
    wait_timeout: WaitOption = None,
) -> None:
    """Begin a new run with the jobs that are not done, or whose inputs changed.

    A job runs again when an input file has another modification time, an output file is gone, or its command, user
    data, files or dependencies changed; and so does what depends on it.

    For example: `torc reinit 3 --dry-run`.
    """
    from torc_client.runs.begin_run import plan_reinit, reinitialize

    _refuse_lone_wait(wait_timeout, in_background=in_background)
    chosen = session.workflow_id(workflow_id)
    if dry_run:
        planned = plan_reinit(session.client, chosen, folder=Path.cwd(), by_content=content)
        session.out.done(reinit_lines(planned), reinit_data(planned))
        if not planned.check.is_safe:
            raise typer.Exit(1)
        return
    started = reinitialize(
        session.client, chosen, folder=Path.cwd(), force=force, by_content=content, in_background=in_background
    )
    _show_started(session, started, verb="Reinitialized", wait_s=wait_timeout)


@command
def status(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """Show how a workflow stands: counts, failures, next steps.

    Of allocations on a Slurm cluster: why they wait, where they run and for how long, how they ended.
    For example: `torc status 3`.
    """
    from torc_cli.render.status_text import GROUPS_SHOWN, next_step_lines, status_data, status_text, unsuccessful
    from torc_cli.session.pages import offer_review

    found = session.client.workflow_status(session.workflow_id(workflow_id))
    failures = None
    if unsuccessful(found):
        failures = session.client.failures.groups(
            found.workflow_id, status="all", limit=GROUPS_SHOWN, job_ids_limit=GROUPS_SHOWN
        )
    seen = _allocations(session, found.workflow_id)
    session.out.done(
        [status_text(found, failures, seen), *next_step_lines(found, seen)], status_data(found, failures, seen)
    )
    offer_review(session, found.workflow_id, waiting=found.jobs_by_status.total(AWAITING_DECISION))


def _allocations(session: Session, workflow_id: int) -> "StandingAllocations | None":
    """Return the workflow's allocations as the queue shows them; None where it has none, and nobody is asked."""
    records = session.client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)
    if not records:
        return None
    from torc_client.allocations.standing import look_at_queue

    return look_at_queue(records, os.environ)


@command
def cancel(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """Cancel a workflow, stop its jobs, and cancel its allocations.

    For example: `torc cancel 3`.
    """
    from torc_client.allocations.cancel import cancel_allocations
    from torc_client.slurm.cluster import find_cluster

    chosen = session.workflow_id(workflow_id)
    # The workflow first: from then on nobody submits more allocations for it.
    answer = session.client.cancel_workflow(chosen)
    allocations = cancel_allocations(session.client, chosen, find_cluster(os.environ, tries=1))
    lines = [f"Canceled workflow {chosen} ({number(answer.canceled_jobs, 'job')})"]
    if allocations.scheduler_ids:
        lines.append(f"Canceled allocations: {', '.join(map(str, allocations.scheduler_ids))}")
    for error in allocations.errors:
        session.out.note(f"Error: {error}")
    session.out.done(
        lines,
        {
            "status": "partial_success" if allocations.errors else "success",
            "workflow_id": chosen,
            "canceled_jobs": answer.canceled_jobs,
            "canceled_slurm_jobs": allocations.scheduler_ids,
            "errors": allocations.errors,
        },
    )
    if allocations.errors:
        raise typer.Exit(1)


@command
def delete(
    session: Session,
    workflow_ids: list[int],
    *,
    force: Annotated[bool, typer.Option("--force", help="Delete although jobs are active; do not ask.")] = False,
    no_prompts: NoPromptsOption = False,
) -> None:
    """Delete workflows with all their records.

    For example: `torc delete 3 4`.
    """
    from torc_cli.commands.crud import delete_each

    for workflow_id in workflow_ids:
        _refuse_at_work(session, workflow_id, force=force)
    names = ", ".join(map(str, workflow_ids))
    question = f"Delete workflow(s) {names} with all their jobs and results?"
    if not session.agrees(question, without_asking=force or no_prompts, needs_yes=True):
        session.out.note("Nothing was deleted.")
        return
    delete_each(session, session.client.workflows, workflow_ids, noun="workflow")


def _refuse_at_work(session: Session, workflow_id: int, *, force: bool) -> None:
    """Raise StateConflictError for a workflow with active jobs, NotFoundError for an unknown one."""
    active = session.client.workflow_status(workflow_id).jobs_by_status.total(ACTIVE)
    if active and not force:
        raise StateConflictError(
            f"{number(active, 'job')} {'is' if active == 1 else 'are'} at work in workflow {workflow_id}",
            hint=Hint("stop it first: {}; --force deletes all the same", torc("cancel", workflow_id)),
            ids={"workflow_id": workflow_id},
        )


def _show_check(session: Session, workflow_id: int) -> None:
    from torc_client.runs.begin_run import check_start

    check = check_start(session.client, workflow_id, folder=Path.cwd())
    session.out.done("\n".join(check_lines(check)), check_data(check))
    if not check.is_safe:
        raise typer.Exit(1)


def _refuse_lone_wait(wait_timeout: float | None, *, in_background: bool) -> None:
    if wait_timeout is not None and not in_background:
        raise InvalidInputError("--wait-timeout does nothing without --async", hint="add --async")


def _show_task(session: Session, task: "TaskModel", *, wait_s: float | None) -> None:
    """Print the task of the server; with `wait_s` its end. Raises typer.Exit for one that failed."""
    from torc_cli.commands.tasks import show_end

    if wait_s is not None:
        show_end(session, task.id, timeout_s=wait_s)
        return
    line = "Task {} ({}) is {} at the server; to wait for its end: {}"
    session.out.done(Hint(line, task.id, task.operation, task.status, torc("tasks wait", task.id)), task)


def _show_started(session: Session, started: "StartedRun", *, verb: str, wait_s: float | None = None) -> None:
    for path in started.existing_output_files[:20]:
        session.out.note(f"Warning: {path} exists and will be overwritten.")
    for job in started.reset_jobs[:20]:
        session.out.note(f"Runs again: {display(job.name)} (job {job.job_id}): {display(job.reason)}")
    if len(started.reset_jobs) > 20:
        session.out.note(f"Runs again: {len(started.reset_jobs) - 20} more that changed")
    if started.task is not None:
        _show_task(session, started.task, wait_s=wait_s)
        return
    session.out.done(
        f"{verb} workflow {started.workflow_id}, run {started.run_id}: "
        f"{number(started.ready_count, 'job')} ready, {started.blocked_count} blocked",
        {
            "status": "success",
            "workflow_id": started.workflow_id,
            "run_id": started.run_id,
            "ready_count": started.ready_count,
            "blocked_count": started.blocked_count,
            "reset_jobs": [job.name for job in started.reset_jobs],
            "reset_reasons": stale_data(started.reset_jobs),
            "existing_output_files": list(started.existing_output_files),
        },
    )
