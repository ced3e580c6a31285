"""Resources by address: status, failures and logs of workflows, documents and examples of the project."""

from collections.abc import Callable
from functools import wraps
from typing import Final, Literal, ParamSpec

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import FileResource

from torc_client.library import Library
from torc_core.errors import NotFoundError, TorcError
from torc_mcp.answers import Answer, error_text
from torc_mcp.context import App, ToolContext, app_of
from torc_mcp.tools.diagnose import tools as diagnose
from torc_mcp.tools.inspect import tools as inspect
from torc_mcp.tools.parameters import read_id
from torc_mcp.workflow_scope import check_workflow_id

P = ParamSpec("P")

WORKFLOW_URI: Final = "torc://workflows/{workflow_id}"
FAILURES_URI: Final = "torc://workflows/{workflow_id}/failures"
STDERR_URI: Final = "torc://workflows/{workflow_id}/jobs/{job_id}/stderr"
STDOUT_URI: Final = "torc://workflows/{workflow_id}/jobs/{job_id}/stdout"
DOCS_URI: Final = "torc://docs/{topic}"
EXAMPLES_URI: Final = "torc://examples/{name}"

_JSON: Final = "application/json"
_MARKDOWN: Final = "text/markdown"
_PLAIN: Final = "text/plain"


def workflow(ctx: ToolContext, workflow_id: str) -> str:
    """Return the summary of a workflow: jobs by status, times, nodes, its largest groups of failures."""
    return _json(inspect.get_workflow_summary(ctx, _workflow_of(ctx, workflow_id)))


def failures(ctx: ToolContext, workflow_id: str) -> str:
    """Return the failures of a workflow that wait for a decision, grouped by cause."""
    return _json(diagnose.list_pending_failed_jobs(ctx, _workflow_of(ctx, workflow_id)))


def stderr(ctx: ToolContext, workflow_id: str, job_id: str) -> str:
    """Return the end of what the newest attempt of a job wrote to stderr."""
    return _log(ctx, workflow_id, job_id, "stderr")


def stdout(ctx: ToolContext, workflow_id: str, job_id: str) -> str:
    """Return the end of what the newest attempt of a job wrote to stdout."""
    return _log(ctx, workflow_id, job_id, "stdout")


def document(ctx: ToolContext, topic: str) -> str:
    """Return a document of the project, by its topic."""
    return app_of(ctx).docs.read(topic)


def example(ctx: ToolContext, name: str) -> str:
    """Return an example workflow of the project, by its file name."""
    return app_of(ctx).examples.read(name)


def register_resources(server: MCPServer[App], app: App) -> None:
    for uri, function, title, mime_type in (
        (WORKFLOW_URI, workflow, "Workflow", _JSON),
        (FAILURES_URI, failures, "Failures that wait for a decision", _JSON),
        (STDERR_URI, stderr, "stderr of a job", _PLAIN),
        (STDOUT_URI, stdout, "stdout of a job", _PLAIN),
        (DOCS_URI, document, "Document", _MARKDOWN),
        (EXAMPLES_URI, example, "Example workflow", _PLAIN),
    ):
        server.resource(uri, title=title, mime_type=mime_type)(_reading(function))
    _list_files(server, app.docs, "torc://docs/", _MARKDOWN)
    _list_files(server, app.examples, "torc://examples/", _PLAIN)


def _list_files(server: MCPServer[App], library: Library, prefix: str, mime_type: str) -> None:
    """Register each file as a resource of its own, so that clients list it."""
    for name, path in library.files.items():
        server.add_resource(
            FileResource(
                uri=f"{prefix}{name}", name=name, title=name, path=path.resolve(), mime_type=mime_type, description=None
            )
        )


def _reading(function: Callable[P, str]) -> Callable[P, str]:
    """Turn our errors into errors of the protocol, with their message; NotFoundError into that for resources."""

    @wraps(function)
    def read(*args: P.args, **kwargs: P.kwargs) -> str:
        try:
            return function(*args, **kwargs)
        except TorcError as error:
            kind = ResourceNotFoundError if isinstance(error, NotFoundError) else ResourceError
            raise kind(error_text(error, frozenset())) from error

    return read


def _json(answer: Answer) -> str:
    return answer.model_dump_json(exclude_none=True, indent=1)


def _workflow_of(ctx: ToolContext, text: str) -> int:
    """Return the id. Raises InvalidInputError for no number, ForbiddenError for a workflow out of scope."""
    workflow_id = read_id(text, "workflow_id")
    check_workflow_id(app_of(ctx), workflow_id)
    return workflow_id


def _log(ctx: ToolContext, workflow_id: str, job_id: str, log_type: Literal["stdout", "stderr"]) -> str:
    """Return the text of a log; the job is checked to be one of the workflow."""
    logs = diagnose.get_job_logs(
        ctx, read_id(job_id, "job_id"), workflow_id=_workflow_of(ctx, workflow_id), log_type=log_type
    )
    return "\n".join(filter(None, (logs.log_notice, logs.note, logs.excerpt, logs.content)))
