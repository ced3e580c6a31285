"""Claimed jobs start, or are released without a start."""

from torc_core.api.jobs import (
    JobError,
    JobModel,
    ReleaseClaimsRequest,
    ReleaseClaimsResponse,
    StartJobsRequest,
    StartJobsResponse,
)
from torc_core.errors import InvalidInputError, StateConflictError, TorcError
from torc_core.jobs.lifecycle import Event
from torc_core.jobs.status import ACTIVE, JobStatus
from torc_server.db.queries.jobs.jobs import JobState, job_models, job_states
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.announcements import announce_status
from torc_server.services.jobs.transitions import apply_event, hold_back
from torc_server.services.records.lookup import check_run, find_job, find_runner, find_workflow, no_such_job
from torc_server.services.records.partly_ready_actions import make_partly_ready_due


def start_jobs(uow: UnitOfWork, workflow_id: int, request: StartJobsRequest) -> StartJobsResponse:
    """Note that the runner started these jobs; those that it had started already count as started.

    Raises StateConflictError for a run that is over and for a runner that was reclaimed; what is wrong with one job
    stands in `errors`.
    """
    check_run(find_workflow(uow, workflow_id), request.run_id)
    find_runner(uow, workflow_id, request.compute_node_id)
    states = job_states(uow, request.job_ids)
    started: list[int] = []
    fresh: list[int] = []
    errors: list[JobError] = []
    for job_id in dict.fromkeys(request.job_ids):
        problem = _why_not(states.get(job_id), job_id, workflow_id, request.compute_node_id)
        if problem is not None:
            errors.append(JobError(job_id=job_id, message=problem.message, code=problem.code))
            continue
        started.append(job_id)
        if states[job_id].status is JobStatus.PENDING:
            fresh.append(job_id)
    apply_event(uow, Event.START, fresh, owner=request.compute_node_id)
    names = [(job_id, states[job_id].name) for job_id in fresh]
    announce_status(uow, workflow_id, JobStatus.RUNNING, names, compute_node_id=request.compute_node_id)
    return StartJobsResponse(started=started, errors=errors)


def start_job(uow: UnitOfWork, job_id: int, *, run_id: int, compute_node_id: int) -> JobModel:
    """Start one job; raise what is wrong with it."""
    job = find_job(uow, job_id)
    problem = _why_not(job, job_id, job.workflow_id, compute_node_id)
    request = StartJobsRequest(run_id=run_id, compute_node_id=compute_node_id, job_ids=[job_id])
    start_jobs(uow, job.workflow_id, request)
    if problem is not None:
        raise problem
    return job_models(uow, [job_id])[0]


def release_claims(uow: UnitOfWork, workflow_id: int, request: ReleaseClaimsRequest) -> ReleaseClaimsResponse:
    """Release claims that were not started; leave alone what this runner no longer holds."""
    find_workflow(uow, workflow_id)
    wanted = [
        job.id
        for job in job_states(uow, request.job_ids).values()
        if job.workflow_id == workflow_id
        and (request.compute_node_id is None or job.compute_node_id in {None, request.compute_node_id})
    ]
    released = apply_event(uow, Event.UNCLAIM, wanted)
    hold_back(uow, released)
    make_partly_ready_due(uow, workflow_id)
    uow.touch(workflow_id)
    return ReleaseClaimsResponse(released=len(released))


def _why_not(job: JobState | None, job_id: int, workflow_id: int, runner_id: int) -> TorcError | None:
    if job is None:
        return no_such_job(job_id)
    ids = {"job_id": job_id, "workflow_id": workflow_id}
    if job.workflow_id != workflow_id:
        return InvalidInputError(f"job {job_id} is of workflow {job.workflow_id}, not of {workflow_id}", ids=ids)
    if job.status not in ACTIVE:
        return StateConflictError(
            f"job {job_id} ({job.name}) cannot start: it is {job.status}, not pending",
            hint="claim the job first; it may have been reclaimed from this runner",
            ids=ids,
        )
    if job.compute_node_id not in {None, runner_id}:
        return StateConflictError(
            f"job {job_id} ({job.name}) is {job.status} on compute node {job.compute_node_id}, not on {runner_id}",
            ids=ids,
        )
    return None
