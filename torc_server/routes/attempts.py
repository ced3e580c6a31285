"""Attempts of jobs: they start, end, are given back and tried again."""

from torc_core.api.jobs import (
    CompleteJobsRequest,
    CompleteJobsResponse,
    JobCompletion,
    JobModel,
    ReleaseClaimsRequest,
    ReleaseClaimsResponse,
    StartJobsRequest,
    StartJobsResponse,
)
from torc_core.api.results import ResultModel
from torc_core.jobs.status import JobStatus
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import PathId, RecordId, RetryLimit
from torc_server.routes.work import Working
from torc_server.services import completing, retrying, starting

router = contract_router("jobs")


@router.post("/workflows/{id}/batch_start_jobs", tags=["workflows"])
def batch_start_jobs(workflow_id: RecordId, body: StartJobsRequest, work: Working) -> StartJobsResponse:
    return work.write(starting.start_jobs, workflow_id, body)


@router.post("/workflows/{id}/batch_complete_jobs", tags=["workflows"])
def batch_complete_jobs(workflow_id: RecordId, body: CompleteJobsRequest, work: Working) -> CompleteJobsResponse:
    return work.write(completing.complete_jobs, workflow_id, body)


@router.post("/workflows/{id}/release_claims", tags=["workflows"])
def release_claims(workflow_id: RecordId, body: ReleaseClaimsRequest, work: Working) -> ReleaseClaimsResponse:
    return work.write(starting.release_claims, workflow_id, body)


@router.put("/jobs/{id}/start_job/{run_id}/{compute_node_id}")
def start_job(job_id: RecordId, run_id: PathId, compute_node_id: PathId, work: Working) -> JobModel:
    return work.write(starting.start_job, job_id, run_id=run_id, compute_node_id=compute_node_id)


@router.post("/jobs/{id}/complete_job/{status}/{run_id}")
def complete_job(job_id: RecordId, status: JobStatus, run_id: PathId, body: ResultModel, work: Working) -> JobModel:
    completion = JobCompletion(job_id=job_id, status=status, run_id=run_id, result=body)
    return work.write(completing.complete_job, job_id, completion)


@router.post("/jobs/{id}/retry/{run_id}")
def retry_job(job_id: RecordId, run_id: PathId, max_retries: RetryLimit, work: Working) -> JobModel:
    return work.write(retrying.retry_job, job_id, run_id=run_id, max_retries=max_retries)
