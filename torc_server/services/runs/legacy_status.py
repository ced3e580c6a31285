"""The workflow status that clients older than 0.24 write."""

from torc_core.api.workflows import OldWorkflowStatus
from torc_core.errors import StateConflictError
from torc_server.db.queries.records.workflows import WORKFLOWS
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs import triggers
from torc_server.services.records.lookup import find_workflow
from torc_server.services.runs.reset import cancel_workflow


def put_workflow_status(uow: UnitOfWork, workflow_id: int, wanted: OldWorkflowStatus) -> OldWorkflowStatus:
    """Write run, cancellation and archive flag; the run stays or goes on by one.

    Raises StateConflictError for any other run.
    """
    workflow = find_workflow(uow, workflow_id)
    if wanted.run_id not in {workflow.run_id, workflow.run_id + 1}:
        raise StateConflictError(
            f"workflow {workflow_id} is in run {workflow.run_id} and cannot go to run {wanted.run_id}",
            hint=f"the next run is {workflow.run_id + 1}",
            ids={"workflow_id": workflow_id},
        )
    if wanted.run_id > workflow.run_id:
        triggers.on_run_begun(uow, workflow_id)
    if wanted.is_canceled:
        cancel_workflow(uow, workflow_id)
    values = wanted.model_copy(update={"id": workflow_id})
    WORKFLOWS.update(uow, workflow_id, values.model_dump(include={"run_id", "is_canceled", "is_archived"}))
    uow.touch(workflow_id)
    return values
