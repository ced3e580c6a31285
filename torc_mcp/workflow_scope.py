"""Restricts the server to some workflows: requests about others are refused before any data is read."""

from collections.abc import Mapping

from torc_core.errors import ForbiddenError
from torc_mcp.context import App


def check_scope(app: App, arguments: Mapping[str, object]) -> None:
    """Raise ForbiddenError where `workflow_id` or `job_id` is out of the scope of this server."""
    if app.settings.workflows is None:
        return
    workflow_id, job_id = arguments.get("workflow_id"), arguments.get("job_id")
    if isinstance(workflow_id, int):
        check_workflow_id(app, workflow_id)
    if isinstance(job_id, int) and app.client.jobs.get(job_id).workflow_id not in app.settings.workflows:
        raise ForbiddenError(f"job {job_id} is of another workflow", hint=_hint(app), ids={"job_id": job_id})


def check_workflow_id(app: App, workflow_id: int) -> None:
    """Raise ForbiddenError for a workflow out of the scope of this server."""
    allowed = app.settings.workflows
    if allowed is not None and workflow_id not in allowed:
        raise ForbiddenError(
            f"workflow {workflow_id} is out of reach", hint=_hint(app), ids={"workflow_id": workflow_id}
        )


def describe_scope(workflows: frozenset[int]) -> str:
    """Return `workflow 3`, or `the workflows 3, 5`."""
    names = ", ".join(map(str, sorted(workflows)))
    return f"workflow {names}" if len(workflows) == 1 else f"the workflows {names}"


def _hint(app: App) -> str:
    return f"this server is for {describe_scope(app.settings.workflows or frozenset())} alone"
