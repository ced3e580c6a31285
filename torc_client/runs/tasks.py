"""Waits for tasks: operations that the server carries out in the background."""

import time
from collections.abc import Callable
from typing import Final

from torc_client.http import TorcClient
from torc_core.api.workflows import TaskModel
from torc_core.errors import ServerUnreachableError, StateConflictError

FAILED: Final = "failed"
_OPEN: Final = ("queued", "running")


def wait_for_task(
    client: TorcClient, task_id: int, *, timeout_s: float | None, poll_interval_s: float, say: Callable[[str], object]
) -> TaskModel:
    """Return the task once it has ended, well or not. Raises StateConflictError after `timeout_s`; the task goes on."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    task = client.task(task_id)
    while task.status in _OPEN:
        if deadline is not None and time.monotonic() >= deadline:
            raise StateConflictError(
                f"task {task_id} is {task.status} after {timeout_s:g} s",
                hint="wait longer: it goes on by itself",
                ids={"task_id": task_id, "workflow_id": task.workflow_id},
            )
        time.sleep(poll_interval_s)
        try:
            task = client.task(task_id)
        except ServerUnreachableError as error:  # a server that restarts knows its tasks again
            say(f"{error.message}; asking again")
    return task
