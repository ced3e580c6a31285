"""Jobs as records."""

from typing import Annotated

from fastapi import Depends, Query

from torc_core.api.base import Page
from torc_core.api.jobs import JobModel, JobsModel
from torc_core.api.spawning import SpawnJobsRequest, SpawnJobsResponse
from torc_core.api.system import DeleteCount
from torc_core.jobs.status import JobStatus
from torc_server.db.queries.jobs.lists import JobFilter
from torc_server.db.queries.runs.create import as_text
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import LabelList, QueryId, RecordId, SortedPage, WorkflowId, read_labels
from torc_server.routes.unit_of_work import Working
from torc_server.services.jobs import job_records
from torc_server.services.jobs.update_job import update_job as write_job
from torc_server.services.runs import spawn

router = contract_router("jobs")


@router.post("/jobs")
def create_job(body: JobModel, work: Working) -> JobModel:
    return work.write(job_records.create_job, body)


@router.post("/bulk_jobs")
def create_jobs(body: JobsModel, work: Working) -> JobsModel:
    return work.write(job_records.create_jobs, body.jobs)


@router.post("/jobs/{id}/spawn_jobs")
def spawn_jobs(job_id: RecordId, body: SpawnJobsRequest, work: Working) -> SpawnJobsResponse:
    return work.write(spawn.spawn_jobs, job_id, body)


async def _job_filter(
    status: Annotated[list[JobStatus], Query(default_factory=list)],
    needs_file_id: QueryId = None,
    upstream_job_id: QueryId = None,
    active_compute_node_id: QueryId = None,
    name: str | None = None,
    command: str | None = None,
    origin_is_set: bool | None = None,
    labels: LabelList = None,
) -> JobFilter:
    return JobFilter(
        statuses=frozenset(status),
        needs_file_id=needs_file_id,
        upstream_job_id=upstream_job_id,
        active_compute_node_id=active_compute_node_id,
        name=name,
        command=command,
        origin_is_set=origin_is_set,
        labels=as_text(read_labels(labels)) if labels else None,
    )


@router.get("/jobs")
def list_jobs(
    work: Working,
    workflow_id: WorkflowId,
    page: SortedPage,
    wanted: Annotated[JobFilter, Depends(_job_filter)],
    include_relationships: bool = False,
) -> Page[JobModel]:
    return work.read(
        job_records.list_jobs, workflow_id, page, wanted=wanted, include_relationships=include_relationships
    )


@router.get("/jobs/{id}")
def get_job(job_id: RecordId, work: Working) -> JobModel:
    return work.read(job_records.get_job, job_id)


@router.put("/jobs/{id}")
def update_job(job_id: RecordId, body: JobModel, work: Working) -> JobModel:
    return work.write(write_job, job_id, body)


@router.delete("/jobs/{id}")
def delete_job(job_id: RecordId, work: Working) -> JobModel:
    return work.write(job_records.delete_job, job_id)


@router.delete("/jobs")
def delete_jobs(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(job_records.delete_jobs, workflow_id)
