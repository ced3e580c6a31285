"""Tasks: operations that clients ask for in the background; they are done at once, and can be looked up."""

from typing import Final

from torc_core.api.workflows import ActiveTask, TaskModel
from torc_core.errors import NotFoundError
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.events import EVENTS
from torc_server.services.records.lookup import find_workflow

_CATEGORY: Final = "task"


def record_task(uow: UnitOfWork, workflow_id: int, operation: str) -> TaskModel:
    """Record the task of an operation that succeeded in this transaction; its id is the id of its event."""
    data = {"category": _CATEGORY, "operation": operation, "status": "succeeded"}
    row = EVENTS.store.insert(uow, {"workflow_id": workflow_id, "timestamp": uow.now_ms, "data": data})
    return _task(row["id"], workflow_id, row["timestamp"], operation)


def get_task(uow: UnitOfWork, task_id: int) -> TaskModel:
    row = EVENTS.store.get(uow, task_id)
    if row is None or not isinstance(row["data"], dict) or row["data"].get("category") != _CATEGORY:
        raise NotFoundError(f"there is no task {task_id}", ids={"task_id": task_id})
    return _task(task_id, row["workflow_id"], row["timestamp"], row["data"]["operation"])


def active_task(uow: UnitOfWork, workflow_id: int) -> ActiveTask:
    """Return no task: each has ended when its request is answered."""
    find_workflow(uow, workflow_id)
    return ActiveTask()


def _task(task_id: int, workflow_id: int, time_ms: int, operation: str) -> TaskModel:
    return TaskModel(
        id=task_id,
        workflow_id=workflow_id,
        operation=operation,
        status="succeeded",
        created_at_ms=time_ms,
        started_at_ms=time_ms,
        finished_at_ms=time_ms,
    )
