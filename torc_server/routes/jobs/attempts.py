"""Attempts of jobs: start, complete, release, reclaim, retry."""

from torc_core.api.jobs import (
    CompleteJobsRequest,
    CompleteJobsResponse,
    EvidenceModel,
    JobCompletion,
    JobModel,
    ReclaimRequest,
    ReclaimResponse,
    ReleaseClaimsRequest,
    ReleaseClaimsResponse,
    StartJobsRequest,
    StartJobsResponse,
)
from torc_core.api.results import ResultModel
from torc_core.jobs.status import JobStatus
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import PathId, QueryId, RecordId, RetryLimit
from torc_server.routes.unit_of_work import Working
from torc_server.services.jobs import change_status, complete, reclaim, retry, start
from torc_server.services.runs import summary

router = contract_router("jobs")


@router.post("/workflows/{id}/batch_start_jobs", tags=["workflows"])
def batch_start_jobs(workflow_id: RecordId, body: StartJobsRequest, work: Working) -> StartJobsResponse:
    return work.write(start.start_jobs, workflow_id, body)


@router.post("/workflows/{id}/batch_complete_jobs", tags=["workflows"])
def batch_complete_jobs(workflow_id: RecordId, body: CompleteJobsRequest, work: Working) -> CompleteJobsResponse:
    return work.write(complete.complete_jobs, workflow_id, body)


@router.post("/workflows/{id}/release_claims", tags=["workflows"])
def release_claims(workflow_id: RecordId, body: ReleaseClaimsRequest, work: Working) -> ReleaseClaimsResponse:
    return work.write(start.release_claims, workflow_id, body)


@router.post("/workflows/{id}/take_back_jobs", tags=["workflows"])
def reclaim_jobs(workflow_id: RecordId, body: ReclaimRequest, work: Working) -> ReclaimResponse:
    return work.write(reclaim.reclaim_jobs, workflow_id, body)


@router.put("/jobs/{id}/start_job/{run_id}/{compute_node_id}")
def start_job(job_id: RecordId, run_id: PathId, compute_node_id: PathId, work: Working) -> JobModel:
    return work.write(start.start_job, job_id, run_id=run_id, compute_node_id=compute_node_id)


@router.post("/jobs/{id}/complete_job/{status}/{run_id}")
def complete_job(job_id: RecordId, status: JobStatus, run_id: PathId, body: ResultModel, work: Working) -> JobModel:
    completion = JobCompletion(job_id=job_id, status=status, run_id=run_id, result=body)
    return work.write(complete.complete_job, job_id, completion)


@router.post("/jobs/{id}/retry/{run_id}")
def retry_job(job_id: RecordId, run_id: PathId, max_retries: RetryLimit, work: Working) -> JobModel:
    return work.write(retry.retry_job, job_id, run_id=run_id, max_retries=max_retries)


@router.put("/jobs/{id}/manage_status_change/{status}/{run_id}")
def manage_status_change(job_id: RecordId, status: JobStatus, run_id: PathId, work: Working) -> JobModel:
    return work.write(change_status.manage_status_change, job_id, status, run_id=run_id)


@router.get("/jobs/{id}/evidence")
def get_job_evidence(
    job_id: RecordId, work: Working, run_id: QueryId = None, attempt_id: QueryId = None
) -> EvidenceModel:
    return work.read(summary.job_evidence, job_id, run_id=run_id, attempt_id=attempt_id)
