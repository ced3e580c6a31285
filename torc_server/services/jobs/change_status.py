"""Status changes that a user asks for, within what the lifecycle allows."""

from collections.abc import Sequence
from typing import Final

from torc_core.api.jobs import JobModel
from torc_core.api.workflows import ResetJobsRequest, ResetJobStatus
from torc_core.errors import StateConflictError
from torc_core.jobs.lifecycle import TRANSITIONS, Event
from torc_core.jobs.status import FINISHED, JobStatus
from torc_server.db.queries.jobs.jobs import JobState, job_models, job_states
from torc_server.db.queries.jobs.transitions import dependents_of
from torc_server.db.queries.runs.initialize import begin_attempts
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs import triggers
from torc_server.services.jobs.announcements import announce_status
from torc_server.services.jobs.dependents import finish
from torc_server.services.jobs.transitions import apply_event, hold_back, reset, send_back
from torc_server.services.records.lookup import check_run, find_job, find_workflow, no_such_job
from torc_server.services.records.partly_ready_actions import make_partly_ready_due

_NEVER_BY_HAND: Final = frozenset({Event.CLAIM, Event.START, Event.BLOCK, Event.REOPEN})
"""A claim and a start happen together, in `take_by_hand`; whether a job is blocked follows from its dependencies."""
_TAKEN_BY_HAND: Final = frozenset({JobStatus.READY, JobStatus.PENDING})
"""Statuses in which a program that is no runner may start a job, as long as no runner holds it."""
_WHEN_FREE: Final = frozenset({Event.MAKE_READY, Event.RELEASE})


def manage_status_change(uow: UnitOfWork, job_id: int, status: JobStatus, *, run_id: int) -> JobModel:
    """Apply the event that leads from the job's status to `status`; the same status is no change.

    From ready to running is a claim and a start by a program that is no runner: no runner owns the job then. A reset
    of a finished job resets everything that depends on it. Raises StateConflictError when there is no such
    event, when dependencies are unresolved, and for finished statuses, which only an attempt reaches.
    """
    job = find_job(uow, job_id)
    check_run(find_workflow(uow, job.workflow_id), run_id)
    if status is JobStatus.RUNNING and job.status in _TAKEN_BY_HAND:
        take_by_hand(uow, [job])
    elif status is not job.status:
        _change(uow, job, _event_for(job, status), run_id=run_id)
    return job_models(uow, [job_id])[0]


def reset_jobs(uow: UnitOfWork, workflow_id: int, request: ResetJobsRequest) -> ResetJobStatus:
    """Reset the jobs as `manage_status_change` resets one; all of them or none.

    Raises NotFoundError for a job that the workflow does not have, StateConflictError for another run.
    """
    check_run(find_workflow(uow, workflow_id), request.run_id)
    states = job_states(uow, request.job_ids)
    for job_id in request.job_ids:
        if job_id not in states or states[job_id].workflow_id != workflow_id:
            raise no_such_job(job_id)
    moving = [job for job in states.values() if job.status is not JobStatus.UNINITIALIZED]
    if moving:
        dependents = dependents_of(uow, [job.id for job in moving if job.status in FINISHED])
        reset(uow, {*(job.id for job in moving), *dependents})
        uow.touch(workflow_id)
    return ResetJobStatus(workflow_id=workflow_id, updated_count=len(moving))


def take_by_hand(uow: UnitOfWork, jobs: Sequence[JobState]) -> None:
    """Claim and start jobs that no runner holds, for a program that is no runner.

    Raises StateConflictError for a job that a runner holds: it would run twice.
    """
    for job in jobs:
        if job.compute_node_id is not None:
            raise StateConflictError(
                f"job {job.id} ({job.name}) is held by compute node {job.compute_node_id}",
                hint="its runner starts and completes it",
                ids={"job_id": job.id, "workflow_id": job.workflow_id},
            )
    # in one transaction: between a claim and a start a runner that adopts its claims could not see whose it is
    apply_event(uow, Event.CLAIM, [job.id for job in jobs if job.status is JobStatus.READY])
    apply_event(uow, Event.START, [job.id for job in jobs])
    for job in jobs:
        announce_status(uow, job.workflow_id, JobStatus.RUNNING, [(job.id, job.name)])
        uow.touch(job.workflow_id)


def _change(uow: UnitOfWork, job: JobState, event: Event, *, run_id: int) -> None:
    if event is Event.RESET:
        dependents = dependents_of(uow, [job.id]) if job.status in FINISHED else []
        reset(uow, [job.id, *dependents])
    elif event is Event.RETRY:
        send_back(uow, [job.id])
    elif event is Event.DISABLE:
        finish(uow, job.workflow_id, apply_event(uow, event, [job.id]))
    else:
        begin_attempts(uow, job.workflow_id, run_id)
        moved = apply_event(uow, event, [job.id])
        hold_back(uow, [job.id])
        if event in _WHEN_FREE:
            triggers.on_jobs_ready(uow, job.workflow_id, moved)
    make_partly_ready_due(uow, job.workflow_id)
    uow.touch(job.workflow_id)


def _event_for(job: JobState, status: JobStatus) -> Event:
    ids = {"job_id": job.id, "workflow_id": job.workflow_id}
    if status in FINISHED:
        raise StateConflictError(
            f"job {job.id} ({job.name}) cannot be made {status} by hand",
            hint="complete the job with a result instead",
            ids=ids,
        )
    events: Sequence[Event] = [
        event
        for (source, event), target in TRANSITIONS.items()
        if source is job.status and target is status and event not in _NEVER_BY_HAND
    ]
    if not events:
        raise StateConflictError(f"job {job.id} ({job.name}) is {job.status} and cannot become {status}", ids=ids)
    event = events[0]
    if job.unresolved_dependencies and event in _WHEN_FREE:
        raise StateConflictError(
            f"job {job.id} ({job.name}) cannot become {status}: {job.unresolved_dependencies} of its dependencies are "
            "not done",
            ids=ids,
        )
    return event
