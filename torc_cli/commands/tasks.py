"""`torc tasks`: what a server does in the background."""

from typing import Annotated

import typer

from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session

app = typer.Typer(no_args_is_help=True, help="What a server does in the background.")

TASKS = Table(
    "tasks",
    (
        Column("ID", "id", right=True),
        Column("Operation", "operation"),
        Column("Status", "status"),
        Column("Error", "error"),
    ),
)


@app.command("list")
@command
def list_(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List the tasks of a workflow.

    For example: `torc tasks list 3`.
    """
    session.out.records(TASKS, session.client.tasks(session.workflow_id(workflow_id)))


@app.command("get")
@command
def get(session: Session, task_id: int) -> None:
    """Show one task.

    For example: `torc tasks get 5`.
    """
    session.out.record(session.client.task(task_id))


@app.command("wait")
@command
def wait(
    session: Session,
    task_id: int,
    *,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0, metavar="SECONDS", help="Wait at most so long; for ever without."),
    ] = None,
    poll_interval: Annotated[
        float,
        typer.Option(
            "-p", "--poll-interval", "--poll-fallback-interval", min=0.05, metavar="SECONDS", help="Look so often."
        ),
    ] = 1.0,
) -> None:
    """Wait until a task has ended; the exit code is 1 when it failed.

    For example: `torc tasks wait 5 --timeout 600`.
    """
    show_end(session, task_id, timeout_s=timeout, poll_interval_s=poll_interval)


def show_end(session: Session, task_id: int, *, timeout_s: float | None, poll_interval_s: float = 1.0) -> None:
    """Wait for the task's end and print it. Raises typer.Exit for one that failed."""
    from torc_client.runs.tasks import FAILED, wait_for_task

    task = wait_for_task(
        session.client, task_id, timeout_s=timeout_s, poll_interval_s=poll_interval_s, say=session.out.note
    )
    session.out.record(task)
    if task.status == FAILED:
        raise typer.Exit(1)
