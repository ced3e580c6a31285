"""The consequences of jobs that are done: for dependents, actions and the workflow."""

from collections.abc import Collection

from torc_core.jobs.status import JobStatus
from torc_server.db.queries.jobs.jobs import job_names
from torc_server.db.queries.records.workflows import is_everything_done
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs import triggers
from torc_server.services.jobs.announcements import announce_status
from torc_server.services.jobs.transitions import settle
from torc_server.services.records.partly_ready_actions import make_partly_ready_due


def finish(uow: UnitOfWork, workflow_id: int, done_ids: Collection[int]) -> None:
    """Release or cancel the dependents of the jobs, and trigger the actions that this makes due."""
    ready, canceled = settle(uow, done_ids)
    if canceled:
        announce_status(uow, workflow_id, JobStatus.CANCELED, job_names(uow, canceled).items())
    triggers.on_jobs_ready(uow, workflow_id, ready)
    triggers.on_jobs_finished(uow, workflow_id, [*done_ids, *canceled])
    make_partly_ready_due(uow, workflow_id)
    if done_ids and is_everything_done(uow, workflow_id):
        triggers.on_workflow_complete(uow, workflow_id)
    uow.touch(workflow_id)
