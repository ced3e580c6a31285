"""Runs of a workflow: initialize, reset, cancel, and how it stands."""

from typing import Annotated

from fastapi import Query, Response

from torc_core.api.workflows import ActiveTask, InitializeResult, TaskModel
from torc_server.db.unit import UnitOfWork
from torc_server.routes.contract import contract_router, json_answer
from torc_server.routes.parameters import RecordId
from torc_server.routes.work import Working
from torc_server.services import tasks
from torc_server.services.initialize import initialize_jobs as initialize

router = contract_router("workflows")


@router.post("/workflows/{id}/initialize_jobs", response_model=InitializeResult, responses={202: {"model": TaskModel}})
def initialize_jobs(
    workflow_id: RecordId,
    work: Working,
    only_uninitialized: bool = False,
    clear_ephemeral_user_data: bool = False,
    as_task: Annotated[bool, Query(alias="async")] = False,
) -> Response:
    result, task = work.write(
        _initialize,
        workflow_id,
        only_uninitialized=only_uninitialized,
        clear_ephemeral_user_data=clear_ephemeral_user_data,
        as_task=as_task,
    )
    return json_answer(result) if task is None else json_answer(task, 202)


def _initialize(
    uow: UnitOfWork, workflow_id: int, *, only_uninitialized: bool, clear_ephemeral_user_data: bool, as_task: bool
) -> tuple[InitializeResult, TaskModel | None]:
    result = initialize(
        uow,
        workflow_id,
        only_uninitialized=only_uninitialized,
        clear_ephemeral_user_data=clear_ephemeral_user_data,
    )
    return result, tasks.record_task(uow, workflow_id, "initialize_jobs") if as_task else None


@router.get("/workflows/{id}/active_task")
def get_active_task_for_workflow(workflow_id: RecordId, work: Working) -> ActiveTask:
    return work.read(tasks.active_task, workflow_id)


@router.get("/tasks/{id}", tags=["tasks"])
def get_task(task_id: RecordId, work: Working) -> TaskModel:
    return work.read(tasks.get_task, task_id)
