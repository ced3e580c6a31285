"""Runs of a workflow: initialize, reset, cancel."""

from typing import Annotated

from fastapi import Query, Response
from starlette.background import BackgroundTask

from torc_core.api.base import Page
from torc_core.api.workflows import (
    ActiveTask,
    CancelResult,
    ChangedJobInputs,
    InitializeResult,
    OldWorkflowStatus,
    ResetJobsRequest,
    ResetJobStatus,
    TaskModel,
    WorkflowModel,
)
from torc_core.errors import TorcError
from torc_server.routes.contract import contract_router, json_answer
from torc_server.routes.parameters import Number, RecordId, UnsortedPage, WorkflowId
from torc_server.routes.unit_of_work import Work, Working
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
    options = {"only_uninitialized": only_uninitialized, "clear_ephemeral_user_data": clear_ephemeral_user_data}
    if not as_task:
        return json_answer(work.write(initialize, workflow_id, **options))
    task, is_new = work.write(tasks.queue_task, workflow_id, "initialize_jobs", options)
    background = BackgroundTask(_initialize_later, work, task.id, workflow_id, options) if is_new else None
    return json_answer(task, 202, background=background)


def _initialize_later(work: Work, task_id: int, workflow_id: int, options: dict[str, bool]) -> None:
    """Initialize the jobs after the request was answered; how it ended stands in the task."""
    error: str | None = "the server failed in a way it did not expect; its log holds the cause"
    try:
        work.write(tasks.begin_task, task_id)
        work.write(initialize, workflow_id, **options)
        error = None
    except TorcError as refusal:
        error = refusal.message
    finally:
        work.write(tasks.end_task, task_id, error=error)


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


@router.get("/tasks", tags=["tasks"])
def list_tasks(workflow_id: WorkflowId, work: Working, page: UnsortedPage) -> Page[TaskModel]:
    return work.read(tasks.list_tasks, workflow_id, page)


@router.get("/tasks/{id}", tags=["tasks"])
def get_task(task_id: RecordId, work: Working) -> TaskModel:
    return work.read(tasks.get_task, task_id)
