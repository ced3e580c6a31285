"""The table of tools, with what each may do, and their registration."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import cleandoc
from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import ValidationError

from torc_core.errors import TorcError
from torc_mcp.answers import Answer, as_result, error_text
from torc_mcp.context import App, app_of
from torc_mcp.review_app import WITH_TABLE
from torc_mcp.settings import Access, McpSettings, Toolset
from torc_mcp.tools.act import tools as act
from torc_mcp.tools.authoring import tools as authoring
from torc_mcp.tools.diagnose import tools as diagnose
from torc_mcp.tools.inspect import tools as inspect
from torc_mcp.tools.recovery import grouping
from torc_mcp.tools.recovery import tools as recovery
from torc_mcp.tools.slurm import tools as slurm
from torc_mcp.workflow_scope import check_scope

_FOREIGN_ANSWER: Final = (
    "the answer is not one of a Torc server (check the address given to torc-mcp-server, and that it has the "
    "server's version)"
)
_LOADED_AT_ONCE: Final = {"anthropic/alwaysLoad": True}
"""Hosts that load tools only when searched for load these at once."""


@dataclass(frozen=True, kw_only=True)
class ToolEntry:
    """One tool. `access` is the least level at which it is registered; the hints follow what it does.

    `is_for_triage`: it is of the toolset `triage` too, all that is needed to decide about failures.
    """

    function: Callable[..., Answer]
    title: str
    toolset: Toolset
    is_for_triage: bool = False
    access: Access = Access.READ
    is_destructive: bool = False
    is_loaded_at_once: bool = False
    has_table: bool = False
    """Hosts with MCP Apps show its answer in the table of reviews."""

    @property
    def meta(self) -> dict[str, Any] | None:
        return {**(_LOADED_AT_ONCE if self.is_loaded_at_once else {}), **(WITH_TABLE if self.has_table else {})} or None

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def toolsets(self) -> frozenset[Toolset]:
        return frozenset({self.toolset, "triage"} if self.is_for_triage else {self.toolset})

    @property
    def hints(self) -> ToolAnnotations:
        """Return all four hints: hosts act on them, and assume the worst of one that is left out."""
        is_read_only = self.access is Access.READ
        return ToolAnnotations(
            title=self.title,
            read_only_hint=is_read_only,
            destructive_hint=self.is_destructive,
            idempotent_hint=is_read_only,
            open_world_hint=False,
        )


TOOLS: Final = (
    ToolEntry(function=inspect.list_workflows, title="List workflows", toolset="core"),
    ToolEntry(function=inspect.get_workflow_status, title="Workflow status", toolset="core", is_for_triage=True),
    ToolEntry(function=inspect.get_workflow_summary, title="Workflow summary", toolset="core"),
    ToolEntry(function=inspect.list_jobs_by_status, title="Jobs by status", toolset="core"),
    ToolEntry(function=inspect.get_job_details, title="Job details", toolset="core", is_for_triage=True),
    ToolEntry(function=inspect.list_results, title="Results of attempts", toolset="core"),
    ToolEntry(function=diagnose.get_job_logs, title="Logs of a job", toolset="core", is_for_triage=True),
    ToolEntry(
        function=diagnose.list_pending_failed_jobs,
        title="Failures that wait for a decision",
        toolset="recovery",
        is_for_triage=True,
        is_loaded_at_once=True,
        has_table=True,
    ),
    ToolEntry(function=diagnose.list_failed_jobs, title="Failed jobs", toolset="recovery", is_for_triage=True),
    ToolEntry(function=diagnose.analyze_workflow_logs, title="Failures by kind", toolset="recovery"),
    ToolEntry(
        function=recovery.check_resource_utilization,
        title="Resources asked for and used",
        toolset="recovery",
        is_for_triage=True,
    ),
    ToolEntry(
        function=grouping.analyze_resource_usage, title="What jobs used, by their requirements", toolset="recovery"
    ),
    ToolEntry(function=slurm.get_slurm_sacct, title="Slurm's accounting of a workflow", toolset="recovery"),
    ToolEntry(
        function=act.classify_and_resolve_failures,
        title="Decide failures: retry or fail",
        toolset="recovery",
        is_for_triage=True,
        access=Access.PROPOSE,
        is_destructive=True,
        is_loaded_at_once=True,
        has_table=True,
    ),
    ToolEntry(
        function=act.update_job_resources,
        title="Change what one job needs",
        toolset="recovery",
        access=Access.WRITE,
        is_destructive=True,
    ),
    ToolEntry(
        function=grouping.regroup_job_resources,
        title="Give groups of jobs requirements of their own",
        toolset="recovery",
        access=Access.WRITE,
        is_destructive=True,
    ),
    ToolEntry(
        function=recovery.recover_workflow,
        title="Retry with more memory or time",
        toolset="recovery",
        access=Access.WRITE,
        is_destructive=True,
    ),
    ToolEntry(function=slurm.plan_allocations, title="Plan Slurm allocations", toolset="recovery"),
    ToolEntry(
        function=slurm.resubmit_workflow,
        title="Submit Slurm allocations for what is left",
        toolset="recovery",
        access=Access.WRITE,
        is_destructive=True,
    ),
    ToolEntry(function=authoring.get_execution_plan, title="Execution plan", toolset="authoring"),
    ToolEntry(
        function=authoring.create_workflow,
        title="Check, save or create a workflow",
        toolset="authoring",
        access=Access.WRITE,
    ),
)


def choose_tools(settings: McpSettings) -> tuple[ToolEntry, ...]:
    """Return the tools of the chosen toolsets that the access allows."""
    return tuple(entry for entry in TOOLS if settings.toolsets & entry.toolsets and entry.access <= settings.access)


def register_tool(server: MCPServer[App], entry: ToolEntry) -> None:
    """Register the tool with its schemas; which of them are listed is the server's choice."""
    server.add_tool(
        _answering(entry.function),
        name=entry.name,
        title=entry.title,
        description=cleandoc(entry.function.__doc__ or ""),
        annotations=entry.hints,
        meta=entry.meta,
        structured_output=True,
    )


def _answering(function: Callable[..., Answer]) -> Callable[..., CallToolResult]:
    """Wrap the function for the protocol; its signature still describes arguments and answer."""

    @wraps(function)
    def call(**arguments: Any) -> CallToolResult:
        ctx = arguments["ctx"]
        try:
            check_scope(app_of(ctx), arguments)
            answer = function(**arguments)
        except TorcError as error:
            raise ToolError(error_text(error, app_of(ctx).tools)) from error
        except ValidationError as error:
            raise ToolError(_FOREIGN_ANSWER) from error
        return as_result(answer, protocol_version=ctx.protocol_version)

    return call
