"""Finds what a request names, or says that it does not exist."""

from torc_core.errors import NotFoundError, StateConflictError
from torc_core.hints import Hint, torc
from torc_server.db.queries.jobs.jobs import JobState, job_states
from torc_server.db.queries.jobs.runners import NodeState, node_states
from torc_server.db.queries.records.workflows import WorkflowState, workflow_state
from torc_server.db.unit_of_work import UnitOfWork


def find_workflow(uow: UnitOfWork, workflow_id: int) -> WorkflowState:
    """Raises NotFoundError when there is no such workflow."""
    state = workflow_state(uow, workflow_id)
    if state is None:
        raise NotFoundError(
            f"there is no workflow {workflow_id}",
            hint=Hint("`{}` shows the workflows", torc("workflows list")),
            ids={"workflow_id": workflow_id},
        )
    return state


def find_open_workflow(uow: UnitOfWork, workflow_id: int) -> WorkflowState:
    """Raises NotFoundError, or StateConflictError for an archived workflow."""
    workflow = find_workflow(uow, workflow_id)
    if workflow.is_archived:
        raise StateConflictError(
            f"workflow {workflow_id} ({workflow.name}) is archived",
            hint=Hint("bring it back first: {}", torc("workflows archive", "false", workflow_id)),
            ids={"workflow_id": workflow_id},
        )
    return workflow


def find_job(uow: UnitOfWork, job_id: int) -> JobState:
    """Raises NotFoundError when there is no such job."""
    state = job_states(uow, [job_id]).get(job_id)
    if state is None:
        raise no_such_job(job_id)
    return state


def no_such_job(job_id: int) -> NotFoundError:
    return NotFoundError(
        f"there is no job {job_id}",
        hint=Hint("`{}` shows the jobs of a workflow", torc("jobs list", "WORKFLOW_ID")),
        ids={"job_id": job_id},
    )


def check_run(workflow: WorkflowState, run_id: int) -> None:
    """Raises StateConflictError unless `run_id` is the workflow's present run."""
    if run_id != workflow.run_id:
        raise StateConflictError(
            f"workflow {workflow.id} is in run {workflow.run_id}, not in run {run_id}",
            hint="the workflow was reset meanwhile; what belongs to an earlier run changes nothing any more",
            ids={"workflow_id": workflow.id, "run_id": workflow.run_id},
        )


def find_runner(uow: UnitOfWork, workflow_id: int, compute_node_id: int) -> NodeState:
    """Raises NotFoundError when the workflow has no such runner, StateConflictError when it was declared gone."""
    node = node_states(uow, [compute_node_id]).get(compute_node_id)
    ids = {"workflow_id": workflow_id, "compute_node_id": compute_node_id}
    if node is None or node.workflow_id != workflow_id:
        raise no_such_runner(workflow_id, compute_node_id)
    if not node.is_active:
        raise StateConflictError(
            f"compute node {compute_node_id} ({node.hostname}) of workflow {workflow_id} is not active any more",
            hint="its jobs were taken back; start a new runner",
            ids=ids,
        )
    return node


def no_such_runner(workflow_id: int, compute_node_id: int) -> NotFoundError:
    return NotFoundError(
        f"workflow {workflow_id} has no compute node {compute_node_id}",
        hint=Hint("`{}` shows its runners", torc("compute-nodes list", workflow_id)),
        ids={"workflow_id": workflow_id, "compute_node_id": compute_node_id},
    )
