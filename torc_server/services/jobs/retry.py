"""Retries of failed jobs within the bound of a failure handler."""

from collections.abc import Iterable

from torc_core.api.jobs import JobModel
from torc_core.errors import StateConflictError
from torc_core.hints import Hint, torc
from torc_core.jobs.lifecycle import Event, may_retry, sources
from torc_core.jobs.status import AWAITING_DECISION
from torc_server.db.queries.jobs.jobs import JobState, job_models
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.transitions import send_back
from torc_server.services.records.events import store_events
from torc_server.services.records.lookup import check_run, find_job, find_workflow
from torc_server.services.records.partly_ready_actions import make_partly_ready_due

_RETRYABLE = sources(Event.RETRY) - AWAITING_DECISION


def retry_job(uow: UnitOfWork, job_id: int, *, run_id: int, max_retries: int) -> JobModel:
    """Send the job back to ready with the next attempt, if `max_retries` allows it.

    Dependents that it canceled are blocked again.
    Raises StateConflictError for a job in pending_failed: it needs a decision.
    """
    job = find_job(uow, job_id)
    workflow = find_workflow(uow, job.workflow_id)
    check_run(workflow, run_id)
    ids = {"job_id": job_id, "workflow_id": workflow.id}
    if job.status not in _RETRYABLE:
        raise StateConflictError(
            f"job {job_id} ({job.name}) is {job.status} and cannot be retried",
            hint=Hint(
                "failed, terminated and running jobs can; reset others with `{}`", torc("jobs reset-status", job_id)
            ),
            ids=ids,
        )
    if not may_retry(
        job.attempt_id,
        max_retries=max_retries,
        infrastructure_faults=job.infrastructure_faults,
        lost_claims=job.lost_claims,
    ):
        raise StateConflictError(
            f"job {job_id} ({job.name}) has used up its retries: attempt {job.attempt_id} of {max_retries}",
            hint=Hint(
                "raise max_retries of its failure handler's rule, or recover the workflow: `{}`",
                torc("recover", job.workflow_id),
            ),
            ids=ids,
        )
    send_back(uow, [job_id])
    note_retries(uow, [(job, run_id)])
    make_partly_ready_due(uow, workflow.id)
    uow.touch(workflow.id)
    return job_models(uow, [job_id])[0]


def note_retries(uow: UnitOfWork, jobs: Iterable[tuple[JobState, int]]) -> None:
    """Store an event for each (job before its retry, run)."""
    store_events(
        uow,
        (
            (
                job.workflow_id,
                {
                    "category": "job_retried",
                    "event_type": "job_retried",
                    "job_id": job.id,
                    "job_name": job.name,
                    "previous_attempt": job.attempt_id,
                    "new_attempt": job.attempt_id + 1,
                    "run_id": run_id,
                    "message": f"job {job.name} goes back to the queue for attempt {job.attempt_id + 1}",
                },
            )
            for job, run_id in jobs
        ),
    )
