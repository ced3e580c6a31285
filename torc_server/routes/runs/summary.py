"""The state of a workflow as a whole."""

from typing import Annotated

from fastapi import Query

from torc_core.api.base import MAX_PAGE, Page
from torc_core.api.jobs import RunningJob
from torc_core.api.workflows import (
    IsComplete,
    IsUninitialized,
    JobIds,
    JobOutlines,
    MissingUserData,
    ReadyJobRequirements,
    RequiredFiles,
    WorkflowStatusModel,
)
from torc_core.jobs.status import JobStatus
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import LARGEST_ID, QueryId, RecordId, UnsortedPage
from torc_server.routes.unit_of_work import Working
from torc_server.services.runs import summary

router = contract_router("workflows")


@router.get("/workflows/{id}/status")
def get_workflow_status(workflow_id: RecordId, work: Working) -> WorkflowStatusModel:
    return work.read(summary.workflow_status, workflow_id)


@router.get("/workflows/{id}/is_complete")
def is_workflow_complete(workflow_id: RecordId, work: Working) -> IsComplete:
    return work.read(summary.is_complete, workflow_id)


@router.get("/workflows/{id}/is_uninitialized")
def is_workflow_uninitialized(workflow_id: RecordId, work: Working) -> IsUninitialized:
    return work.read(summary.is_uninitialized, workflow_id)


@router.get("/workflows/{id}/job_ids")
def list_job_ids(workflow_id: RecordId, work: Working) -> JobIds:
    return work.read(summary.job_ids, workflow_id)


@router.get("/workflows/{id}/job_outlines")
def list_job_outlines(
    workflow_id: RecordId,
    work: Working,
    status: Annotated[list[JobStatus], Query(default_factory=list)],
    after: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
) -> JobOutlines:
    return work.read(summary.job_outlines, workflow_id, statuses=status, after=after, limit=limit)


@router.get("/workflows/{id}/running_jobs")
def get_running_jobs(workflow_id: RecordId, work: Working, page: UnsortedPage) -> Page[RunningJob]:
    return work.read(summary.running_jobs, workflow_id, page)


@router.get("/workflows/{id}/ready_job_requirements")
def get_ready_job_requirements(
    workflow_id: RecordId, work: Working, scheduler_config_id: QueryId = None
) -> ReadyJobRequirements:
    return work.read(summary.ready_job_requirements, workflow_id, scheduler_config_id=scheduler_config_id)


@router.get("/workflows/{id}/required_existing_files")
def list_required_existing_files(workflow_id: RecordId, work: Working) -> RequiredFiles:
    return work.read(summary.required_existing_files, workflow_id)


@router.get("/workflows/{id}/missing_user_data")
def list_missing_user_data(workflow_id: RecordId, work: Working) -> MissingUserData:
    return work.read(summary.missing_user_data, workflow_id)
