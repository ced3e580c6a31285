"""Which workflows this server is for: what is of another one is refused before it is looked at."""

from collections.abc import Mapping

from torc_core.errors import ForbiddenError
from torc_mcp.context import App


def check_reach(app: App, arguments: Mapping[str, object]) -> None:
    """Raises ForbiddenError where `workflow_id` or `job_id` leads out of the workflows of this server."""
    if app.settings.workflows is None:
        return
    workflow_id, job_id = arguments.get("workflow_id"), arguments.get("job_id")
    if isinstance(workflow_id, int):
        check_workflow_id(app, workflow_id)
    if isinstance(job_id, int) and app.client.jobs.get(job_id).workflow_id not in app.settings.workflows:
        raise ForbiddenError(f"job {job_id} is of another workflow", hint=_hint(app), ids={"job_id": job_id})


def check_workflow_id(app: App, workflow_id: int) -> None:
    """Raises ForbiddenError for a workflow that this server is not for."""
    allowed = app.settings.workflows
    if allowed is not None and workflow_id not in allowed:
        raise ForbiddenError(
            f"workflow {workflow_id} is out of reach", hint=_hint(app), ids={"workflow_id": workflow_id}
        )


def describe_reach(workflows: frozenset[int]) -> str:
    """`workflow 3`, or `the workflows 3, 5`."""
    names = ", ".join(map(str, sorted(workflows)))
    return f"workflow {names}" if len(workflows) == 1 else f"the workflows {names}"


def _hint(app: App) -> str:
    return f"this server is for {describe_reach(app.settings.workflows or frozenset())} alone"
