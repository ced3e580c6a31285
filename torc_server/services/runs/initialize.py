"""Initialization: every uninitialized job becomes ready or blocked."""

from torc_core.api.workflows import InitializeResult
from torc_core.jobs.lifecycle import Event
from torc_core.jobs.status import DONE, UNSUCCESSFUL, JobStatus
from torc_server.db.queries.jobs import jobs as queries_jobs
from torc_server.db.queries.jobs import transitions as queries_transitions
from torc_server.db.queries.records.workflows import count_jobs
from torc_server.db.queries.runs import initialize as queries
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs import triggers
from torc_server.services.jobs.announcements import announce_status
from torc_server.services.jobs.dependency_graph import check_dependencies
from torc_server.services.jobs.transitions import apply_event, hold_back, reset, settle
from torc_server.services.records.lookup import find_workflow
from torc_server.services.runs.input_hashes import store_hashes


def initialize_jobs(
    uow: UnitOfWork,
    workflow_id: int,
    *,
    only_uninitialized: bool = False,
    clear_ephemeral_user_data: bool = False,
) -> InitializeResult:
    """Make every uninitialized job ready or blocked; all other jobs stay as they are.

    With `only_uninitialized`, everything that depends on an uninitialized job is reset and initialized with it. Raises
    InvalidInputError that names the jobs when some depend on each other in a circle.
    """
    workflow = find_workflow(uow, workflow_id)
    _infer_dependencies(uow, workflow_id)
    if only_uninitialized:
        _reset_dependents(uow, workflow_id)
    if clear_ephemeral_user_data:
        queries.clear_ephemeral_user_data(uow, workflow_id)
    store_hashes(uow, workflow_id)
    queries.begin_attempts(uow, workflow_id, workflow.run_id)
    blocked = apply_event(uow, Event.BLOCK, queries.uninitialized_jobs(uow, workflow_id, waiting=True))
    ready = apply_event(uow, Event.MAKE_READY, queries.uninitialized_jobs(uow, workflow_id, waiting=False))
    released, canceled = settle(uow, queries_jobs.jobs_in(uow, workflow_id, UNSUCCESSFUL))
    counts = count_jobs(uow, workflow_id)
    triggers.on_initialized(
        uow,
        workflow_id,
        is_anew=not only_uninitialized
        or len(ready) + len(blocked) == sum(counts.values()) - counts.get(JobStatus.DISABLED, 0),
        is_complete=bool(counts) and all(status in DONE for status in counts),
    )
    if canceled:
        announce_status(uow, workflow_id, JobStatus.CANCELED, queries_jobs.job_names(uow, canceled).items())
    event_type = "workflow_reinitialized" if only_uninitialized else "workflow_started"
    uow.announce(workflow_id, event_type, severity="info", data={"run_id": workflow.run_id, "user": workflow.user})
    uow.touch(workflow_id)
    return InitializeResult(
        ready_count=len(ready) + len(released), blocked_count=len(blocked) - len(released) - len(canceled)
    )


def _infer_dependencies(uow: UnitOfWork, workflow_id: int) -> None:
    inferred = queries.infer_dependencies(uow, workflow_id)
    check_dependencies(uow, workflow_id)
    queries_transitions.count_unresolved_anew(uow, workflow_id)
    if inferred:
        hold_back(uow, queries_jobs.jobs_in(uow, workflow_id, [JobStatus.READY]))


def _reset_dependents(uow: UnitOfWork, workflow_id: int) -> None:
    fresh = queries_jobs.jobs_in(uow, workflow_id, [JobStatus.UNINITIALIZED])
    reset(uow, queries_transitions.dependents_of(uow, fresh))
