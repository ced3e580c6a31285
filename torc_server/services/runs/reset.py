"""Reset and cancellation: a new run of the workflow, jobs back to uninitialized."""

from torc_core.api.workflows import CancelResult, ChangedJobInputs, ResetJobStatus, WorkflowModel
from torc_core.errors import StateConflictError
from torc_core.jobs.lifecycle import Event, sources
from torc_core.jobs.status import ACTIVE, FRESH, RESETTABLE_FAILURES, JobStatus
from torc_server.db.queries.jobs import jobs as queries_jobs
from torc_server.db.queries.jobs.transitions import dependents_of
from torc_server.db.queries.records import workflows as queries_workflows
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs import triggers
from torc_server.services.jobs.announcements import announce_status
from torc_server.services.jobs.transitions import apply_event, reset
from torc_server.services.records.events import store_event
from torc_server.services.records.lookup import find_open_workflow, find_workflow
from torc_server.services.records.workflows import get_workflow
from torc_server.services.runs.input_hashes import changed_jobs


def reset_workflow_status(
    uow: UnitOfWork, workflow_id: int, *, force: bool = False, run_id: int | None = None
) -> WorkflowModel:
    """Begin a new run and clear the canceled flag; jobs stay as they are, every action may be carried out again.

    `run_id` is the run to begin: when it has begun, nothing changes. Raises StateConflictError when it is not the next
    one, for an archived workflow, and unless forced while jobs or allocations are active.
    """
    workflow = find_open_workflow(uow, workflow_id)
    if run_id is not None:
        if workflow.run_id == run_id:
            return get_workflow(uow, workflow_id)
        if workflow.run_id + 1 != run_id:
            raise StateConflictError(
                f"workflow {workflow_id} is in run {workflow.run_id}: run {run_id} cannot begin",
                hint="look at the workflow again",
                ids={"workflow_id": workflow_id},
            )
    if not force:
        _refuse_active(uow, workflow_id)
    queries_workflows.begin_run(uow, workflow_id)
    triggers.on_run_begun(uow, workflow_id)
    _note(uow, workflow_id, "reset_workflow_status", run_id=workflow.run_id + 1, force=force)
    uow.touch(workflow_id)
    return get_workflow(uow, workflow_id)


def _refuse_active(uow: UnitOfWork, workflow_id: int) -> None:
    counts = queries_workflows.count_jobs(uow, workflow_id)
    nodes = queries_workflows.count_nodes(uow, workflow_id)
    active = {
        "jobs are pending or running": sum(counts.get(status, 0) for status in ACTIVE),
        "allocations are pending or active": nodes.scheduled_pending + nodes.scheduled_active,
    }
    for what, count in active.items():
        if count:
            raise StateConflictError(
                f"{count} {what} in workflow {workflow_id}",
                hint="wait for them or cancel the workflow; --force resets all the same",
                ids={"workflow_id": workflow_id},
            )


def reset_job_status(uow: UnitOfWork, workflow_id: int, *, failed_only: bool = False) -> ResetJobStatus:
    """Reset all jobs, or the unsuccessful ones with everything that depends on them.

    Disabled jobs stay disabled.
    """
    find_workflow(uow, workflow_id)
    wanted = RESETTABLE_FAILURES if failed_only else frozenset(JobStatus) - FRESH
    chosen = reset(uow, queries_jobs.jobs_in(uow, workflow_id, wanted))
    if failed_only:
        reset(uow, dependents_of(uow, chosen))
    _note(uow, workflow_id, "reset_job_status", failed_only=failed_only, count=len(chosen))
    uow.touch(workflow_id)
    return ResetJobStatus(
        workflow_id=workflow_id, updated_count=len(chosen), reset_type="failed_only" if failed_only else None
    )


def process_changed_job_inputs(uow: UnitOfWork, workflow_id: int) -> ChangedJobInputs:
    """Reset the jobs whose inputs changed since their last initialize; the next initialize resets their dependents."""
    find_workflow(uow, workflow_id)
    changed = changed_jobs(uow, workflow_id)
    reset(uow, [job_id for job_id, _ in changed])
    uow.touch(workflow_id)
    return ChangedJobInputs(reinitialized_jobs=[name for _, name in changed])


def find_changed_job_inputs(uow: UnitOfWork, workflow_id: int) -> ChangedJobInputs:
    """Return what `process_changed_job_inputs` would reset. Only reads."""
    find_workflow(uow, workflow_id)
    return ChangedJobInputs(reinitialized_jobs=[name for _, name in changed_jobs(uow, workflow_id)])


def cancel_workflow(uow: UnitOfWork, workflow_id: int) -> CancelResult:
    """Cancel the jobs that run or wait; nothing can be claimed any more.

    Failures that wait for a decision stay as they are. The actions of the workflow's end become due, as far as a run
    had begun.
    """
    workflow = find_workflow(uow, workflow_id)
    has_begun = any(status not in FRESH for status in queries_workflows.count_jobs(uow, workflow_id))
    names = queries_jobs.job_names(uow, queries_jobs.jobs_in(uow, workflow_id, sources(Event.CANCEL)))
    # all in one step: with the dependents left to `settle`, one that does not want to be canceled would become ready
    apply_event(uow, Event.CANCEL, list(names))
    announce_status(uow, workflow_id, JobStatus.CANCELED, names.items())
    triggers.on_jobs_finished(uow, workflow_id, list(names))
    if has_begun:
        triggers.on_workflow_complete(uow, workflow_id)
    if not workflow.is_canceled:
        queries_workflows.set_canceled(uow, workflow_id)
        event = {"category": "workflow_canceled", "type": "cancel_workflow", "canceled_jobs": len(names)}
        store_event(uow, workflow_id, {**event, "message": f"workflow {workflow_id} was canceled"})
    uow.touch(workflow_id)
    return CancelResult(workflow_id=workflow_id, canceled_jobs=len(names))


def _note(uow: UnitOfWork, workflow_id: int, action: str, **facts: object) -> None:
    store_event(uow, workflow_id, {"category": "user_action", "action": action, **facts})
