"""Triggers of actions. Workflows without actions cost one look at an index."""

from collections.abc import Collection

from torc_server.db.queries.jobs import triggers as queries
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.partly_ready_actions import make_partly_ready_due


def on_initialized(uow: UnitOfWork, workflow_id: int, *, is_anew: bool, is_complete: bool) -> None:
    """Make the actions wait for their triggers, and trigger those of the start and of the runners.

    Unless the workflow begins anew (`is_anew`), what was carried out in this run stays so if the start triggered it,
    or if it waited for jobs that are still done. With `is_complete` no job will end any more, so the actions of the
    end are triggered here.
    """
    if not queries.has_actions(uow, workflow_id):
        return
    queries.delete_recovery_actions(uow, workflow_id)
    queries.rearm(uow, workflow_id, all_actions=is_anew)
    queries.count_anew(uow, workflow_id)
    due = ["on_workflow_start", "on_worker_start", "on_worker_complete"]
    for trigger_type in [*due, "on_workflow_complete"] if is_complete else due:
        queries.trigger(uow, workflow_id, trigger_type)
    make_partly_ready_due(uow, workflow_id, may_lack_nodes=False)


def on_run_begun(uow: UnitOfWork, workflow_id: int) -> None:
    """Forget that actions were carried out: in the run that begins now each may be triggered and claimed again.

    The next initialize counts the gating jobs by their statuses, so that jobs that stay completed count at once.
    """
    if queries.has_actions(uow, workflow_id):
        queries.delete_recovery_actions(uow, workflow_id)
        queries.forget_counts(uow, workflow_id)
        queries.rearm(uow, workflow_id, all_actions=True)


def on_jobs_ready(uow: UnitOfWork, workflow_id: int, job_ids: Collection[int]) -> None:
    _count(uow, workflow_id, "on_jobs_ready", job_ids)


def on_jobs_finished(uow: UnitOfWork, workflow_id: int, job_ids: Collection[int]) -> None:
    """Count done jobs for the actions that wait for them; jobs canceled because of another one count as well."""
    _count(uow, workflow_id, "on_jobs_complete", job_ids)


def on_jobs_deleted(uow: UnitOfWork, workflow_id: int) -> None:
    """Count the gating jobs again, so that no action waits for a deleted job."""
    if queries.has_actions(uow, workflow_id):
        queries.count_gates_anew(uow, workflow_id)
        make_partly_ready_due(uow, workflow_id)


def on_undone(uow: UnitOfWork, workflow_id: int, job_ids: Collection[int]) -> None:
    """Let actions wait again for jobs that had ended by a decision which is undone; those that were claimed stay so."""
    if job_ids and queries.has_actions(uow, workflow_id):
        queries.uncount_unfinished(uow, workflow_id, job_ids)


def on_workflow_complete(uow: UnitOfWork, workflow_id: int) -> None:
    if queries.has_actions(uow, workflow_id, "on_workflow_complete"):
        queries.trigger(uow, workflow_id, "on_workflow_complete")


def _count(uow: UnitOfWork, workflow_id: int, trigger_type: str, job_ids: Collection[int]) -> None:
    if job_ids and queries.has_actions(uow, workflow_id, trigger_type):
        queries.count_jobs(uow, workflow_id, trigger_type, job_ids)
