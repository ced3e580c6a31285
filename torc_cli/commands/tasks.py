"""`torc tasks`: what a server does in the background."""

import time
from typing import Annotated, Final

import typer

from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import ServerUnreachableError, StateConflictError

app = typer.Typer(no_args_is_help=True, help="What a server does in the background.")

_OPEN: Final = ("queued", "running")
_SUCCEEDED: Final = "succeeded"


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
    deadline = None if timeout is None else time.monotonic() + timeout
    task = session.client.task(task_id)
    while task.status in _OPEN:
        if deadline is not None and time.monotonic() >= deadline:
            raise StateConflictError(
                f"task {task_id} is {task.status} after {timeout:g} s", hint="wait longer: it goes on by itself"
            )
        time.sleep(poll_interval)
        try:
            task = session.client.task(task_id)
        except ServerUnreachableError as error:  # a server that restarts knows its tasks again
            session.out.note(f"{error.message}; asking again")
    session.out.record(task)
    if task.status != _SUCCEEDED:
        raise typer.Exit(1)
