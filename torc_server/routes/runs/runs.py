"""Runs of a workflow: initialize, reset, cancel."""

from typing import Annotated

from fastapi import Query, Response

from torc_core.api.legacy import OldWorkflowStatus
from torc_core.api.workflows import (
    ActiveTask,
    CancelResult,
    ChangedJobInputs,
    InitializeResult,
    ResetJobsRequest,
    ResetJobStatus,
    TaskModel,
    WorkflowModel,
)
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.routes.contract import contract_router, json_answer
from torc_server.routes.parameters import Number, RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.jobs import change_status
from torc_server.services.runs import reset, tasks
from torc_server.services.runs.initialize import initialize_jobs as initialize
from torc_server.services.runs.legacy_status import put_workflow_status

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


@router.post("/workflows/{id}/reset_status")
def reset_workflow_status(
    workflow_id: RecordId, work: Working, force: bool = False, run_id: Number = None
) -> WorkflowModel:
    return work.write(reset.reset_workflow_status, workflow_id, force=force, run_id=run_id)


@router.post("/workflows/{id}/reset_job_status")
def reset_job_status(workflow_id: RecordId, work: Working, failed_only: bool = False) -> ResetJobStatus:
    return work.write(reset.reset_job_status, workflow_id, failed_only=failed_only)


@router.post("/workflows/{id}/reset_jobs")
def reset_jobs(workflow_id: RecordId, body: ResetJobsRequest, work: Working) -> ResetJobStatus:
    return work.write(change_status.reset_jobs, workflow_id, body)


@router.post("/workflows/{id}/process_changed_job_inputs")
def process_changed_job_inputs(workflow_id: RecordId, work: Working, dry_run: bool = False) -> ChangedJobInputs:
    if dry_run:
        return work.read(reset.find_changed_job_inputs, workflow_id)
    return work.write(reset.process_changed_job_inputs, workflow_id)


@router.put("/workflows/{id}/cancel")
def cancel_workflow(workflow_id: RecordId, work: Working) -> CancelResult:
    return work.write(reset.cancel_workflow, workflow_id)


@router.put("/workflows/{id}/status", deprecated=True)
def update_workflow_status(workflow_id: RecordId, body: OldWorkflowStatus, work: Working) -> OldWorkflowStatus:
    return work.write(put_workflow_status, workflow_id, body)


@router.get("/workflows/{id}/active_task")
def get_active_task_for_workflow(workflow_id: RecordId, work: Working) -> ActiveTask:
    return work.read(tasks.active_task, workflow_id)


@router.get("/tasks/{id}", tags=["tasks"])
def get_task(task_id: RecordId, work: Working) -> TaskModel:
    return work.read(tasks.get_task, task_id)
