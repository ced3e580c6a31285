"""Tasks: operations in the background, each an event of its workflow that can be looked up."""

from collections.abc import Mapping
from typing import Any, Final

from torc_core.api.base import Page
from torc_core.api.workflows import ActiveTask, TaskModel
from torc_core.errors import AlreadyTakenError, NotFoundError
from torc_server.db.queries.records.base import json_field_equals
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import slice_of
from torc_server.services.records.events import EVENTS
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest

_CATEGORY: Final = "task"
_ACTIVE: Final = ("queued", "running")


def queue_task(uow: UnitOfWork, workflow_id: int, operation: str, request: Mapping[str, Any]) -> tuple[TaskModel, bool]:
    """Return a new task for the operation and True, or the active task of the same request and False.

    Raises AlreadyTakenError while the workflow has a task for another request.
    """
    find_workflow(uow, workflow_id)
    active = _active_row(uow, workflow_id)
    if active is None:
        data = {"category": _CATEGORY, "operation": operation, "request": dict(request), "status": "queued"}
        row = EVENTS.store.insert(uow, {"workflow_id": workflow_id, "timestamp": uow.now_ms, "data": data})
        return _task(uow, row), True
    if (active["data"]["operation"], active["data"].get("request")) != (operation, dict(request)):
        raise AlreadyTakenError(
            f"workflow {workflow_id} has task {active['id']} ({active['data']['operation']}) already",
            hint="wait for its end",
            ids={"workflow_id": workflow_id, "task_id": active["id"]},
        )
    return _task(uow, active), False


def begin_task(uow: UnitOfWork, task_id: int) -> None:
    """Note that the work on the task begins."""
    _change(uow, task_id, status="running", started_at_ms=uow.now_ms)


def end_task(uow: UnitOfWork, task_id: int, *, error: str | None) -> None:
    """Note the end of the task; `error` is one clause, None for success."""
    _change(uow, task_id, status="succeeded" if error is None else "failed", finished_at_ms=uow.now_ms, error=error)


def get_task(uow: UnitOfWork, task_id: int) -> TaskModel:
    row = EVENTS.store.get(uow, task_id)
    if row is None or not isinstance(row["data"], dict) or row["data"].get("category") != _CATEGORY:
        raise NotFoundError(f"there is no task {task_id}", ids={"task_id": task_id})
    return _task(uow, row)


def list_tasks(uow: UnitOfWork, workflow_id: int, page: PageRequest) -> Page[TaskModel]:
    """Return the tasks of a workflow, the oldest first."""
    find_workflow(uow, workflow_id)
    columns = EVENTS.store.table.c
    conditions = [*EVENTS.store.where(workflow_id), json_field_equals(columns.data, "category", _CATEGORY)]
    rows, total = EVENTS.store.page(uow, conditions, slice_of(page, ()))
    return page.page([_task(uow, row) for row in rows], total=total)


def active_task(uow: UnitOfWork, workflow_id: int) -> ActiveTask:
    """Return the workflow's task that has not ended, if there is one."""
    find_workflow(uow, workflow_id)
    row = _active_row(uow, workflow_id)
    return ActiveTask(task=None if row is None else _task(uow, row))


def _active_row(uow: UnitOfWork, workflow_id: int) -> dict[str, Any] | None:
    columns = EVENTS.store.table.c
    is_task = [columns.workflow_id == workflow_id, json_field_equals(columns.data, "category", _CATEGORY)]
    for status in _ACTIVE:
        rows = EVENTS.store.find(uow, [*is_task, json_field_equals(columns.data, "status", status)])
        left = [row for row in rows if not _is_left_behind(uow, row)]
        if left:
            return left[0]
    return None


def _is_left_behind(uow: UnitOfWork, row: Mapping[str, Any]) -> bool:
    """Return whether an earlier server process ended before the task did: nobody works on it any more."""
    since = uow.settings.listening_since
    return row["data"]["status"] in _ACTIVE and since is not None and row["timestamp"] < since.timestamp() * 1000


def _change(uow: UnitOfWork, task_id: int, **changes: Any) -> None:
    row = EVENTS.store.get(uow, task_id)
    if row is not None:  # the workflow may have been deleted meanwhile
        EVENTS.store.update(uow, task_id, {"data": {**row["data"], **changes}})


def _task(uow: UnitOfWork, row: Mapping[str, Any]) -> TaskModel:
    data, created = row["data"], row["timestamp"]
    if _is_left_behind(uow, row):
        data = {**data, "status": "failed", "error": "the server ended before the task did", "finished_at_ms": created}
    # of a task that an older server recorded, when it had ended, only the time of the record is known
    ended = {} if data["status"] in _ACTIVE else {"started_at_ms": created, "finished_at_ms": created}
    return TaskModel(
        id=row["id"],
        workflow_id=row["workflow_id"],
        operation=data["operation"],
        status=data["status"],
        created_at_ms=created,
        error=data.get("error"),
        **{**ended, **{name: data[name] for name in ("started_at_ms", "finished_at_ms") if name in data}},
    )
