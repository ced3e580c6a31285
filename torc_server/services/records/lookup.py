"""Lookups of the records that a request names."""

from torc_core.errors import NotFoundError, StateConflictError
from torc_core.hints import Hint, torc
from torc_server.db.queries.jobs.jobs import JobState, job_states
from torc_server.db.queries.jobs.runners import NodeState, node_states
from torc_server.db.queries.records.workflows import WorkflowState, workflow_state
from torc_server.db.unit_of_work import UnitOfWork


def find_workflow(uow: UnitOfWork, workflow_id: int) -> WorkflowState:
    """Return the workflow's state. Raises NotFoundError."""
    state = workflow_state(uow, workflow_id)
    if state is None:
        raise NotFoundError(
            f"there is no workflow {workflow_id}",
            hint=Hint("`{}` shows the workflows", torc("workflows list")),
            ids={"workflow_id": workflow_id},
        )
    return state


def find_open_workflow(uow: UnitOfWork, workflow_id: int) -> WorkflowState:
    """Return the workflow's state. Raises NotFoundError, and StateConflictError for an archived workflow."""
    workflow = find_workflow(uow, workflow_id)
    if workflow.is_archived:
        raise StateConflictError(
            f"workflow {workflow_id} ({workflow.name}) is archived",
            hint=Hint("bring it back first: {}", torc("workflows archive", "false", workflow_id)),
            ids={"workflow_id": workflow_id},
        )
    return workflow


def find_job(uow: UnitOfWork, job_id: int) -> JobState:
    """Return the job's state. Raises NotFoundError."""
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
    """Check that `run_id` is the workflow's present run. Raises StateConflictError."""
    if run_id != workflow.run_id:
        raise StateConflictError(
            f"workflow {workflow.id} is in run {workflow.run_id}, not in run {run_id}",
            hint="the workflow was reset meanwhile; what belongs to an earlier run changes nothing any more",
            ids={"workflow_id": workflow.id, "run_id": workflow.run_id},
        )


def find_runner(uow: UnitOfWork, workflow_id: int, compute_node_id: int) -> NodeState:
    """Return the runner's state. Raises NotFoundError, and StateConflictError when its jobs were reclaimed."""
    node = node_states(uow, [compute_node_id]).get(compute_node_id)
    ids = {"workflow_id": workflow_id, "compute_node_id": compute_node_id}
    if node is None or node.workflow_id != workflow_id:
        raise no_such_runner(workflow_id, compute_node_id)
    if not node.is_active:
        raise StateConflictError(
            f"compute node {compute_node_id} ({node.hostname}) of workflow {workflow_id} is not active any more",
            hint="its jobs were reclaimed; start a new runner",
            ids=ids,
        )
    return node


def no_such_runner(workflow_id: int, compute_node_id: int) -> NotFoundError:
    return NotFoundError(
        f"workflow {workflow_id} has no compute node {compute_node_id}",
        hint=Hint("`{}` shows its runners", torc("compute-nodes list", workflow_id)),
        ids={"workflow_id": workflow_id, "compute_node_id": compute_node_id},
    )
