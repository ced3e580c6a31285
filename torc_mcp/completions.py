"""Completions: ids of workflows and jobs, and names of documents and examples, while the user types."""

from typing import Any, Final

import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp_types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from torc_core.errors import TorcError
from torc_core.jobs.status import FAILURES
from torc_mcp.context import App

_MAX_VALUES: Final = 100
_LOOKED_AT: Final = 1_000


def register_completions(server: MCPServer[App], app: App) -> None:
    async def complete(
        _ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        chosen = (context.arguments if context else None) or {}
        return await anyio.to_thread.run_sync(_complete, app, argument.name, argument.value, chosen)

    untyped: Any = server  # the decorator has no annotations
    untyped.completion()(complete)


def _complete(app: App, name: str, typed: str, chosen: dict[str, str]) -> Completion:
    """Return the values that begin with what is typed; none where the server does not answer."""
    try:
        candidates = _candidates(app, name, chosen)
    except TorcError:
        candidates = []
    matching = [value for value in candidates if value.startswith(typed)]
    return Completion(values=matching[:_MAX_VALUES], total=len(matching), has_more=len(matching) > _MAX_VALUES)


def _candidates(app: App, name: str, chosen: dict[str, str]) -> list[str]:
    match name:
        case "workflow_id":
            return _workflow_ids(app)
        case "job_id":
            return _job_ids(app, chosen.get("workflow_id", ""))
        case "topic":
            return sorted(app.docs.files)
        case "name":
            return sorted(app.examples.files)
        case _:
            return []


def _workflow_ids(app: App) -> list[str]:
    """Return the ids of workflows, the newest first."""
    if app.settings.workflows is not None:
        return [str(each) for each in sorted(app.settings.workflows, reverse=True)]
    page = app.client.workflows.page(limit=_LOOKED_AT, sort_by="id", reverse_sort=True)
    return [str(workflow.id) for workflow in page.items]


def _job_ids(app: App, workflow_id: str) -> list[str]:
    """Return the ids of jobs, failed ones first; of the newest workflow when none is chosen yet."""
    if workflow_id.isascii() and workflow_id.isdigit():
        chosen = int(workflow_id)
    else:
        newest = _workflow_ids(app)[:1]
        if not newest:
            return []
        chosen = int(newest[0])
    if app.settings.workflows is not None and chosen not in app.settings.workflows:
        return []
    jobs = app.client.jobs.page(workflow_id=chosen, limit=_LOOKED_AT).items
    return [str(job.id) for job in sorted(jobs, key=lambda job: job.status not in FAILURES)]
