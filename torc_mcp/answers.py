"""Base classes of answers, and their form for the client: structured content and a text."""

from collections.abc import Mapping
from typing import Final

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict

from torc_core.errors import TorcError
from torc_core.evidence.cleaning import bound, clean_text
from torc_core.hints import TorcCommand
from torc_mcp.budget import HEADLINE_BYTES, SMALL_BYTES

_KNOWS_STRUCTURE: Final = "2025-06-18"
"""The first protocol revision with structured content; revisions are dates."""

_MAX_ERROR_BYTES: Final = 3_000
TOOL_OF_COMMAND: Final[Mapping[str, str]] = {
    "create": "create_workflow",
    "failures list": "list_pending_failed_jobs",
    "jobs get": "get_job_details",
    "jobs list": "list_jobs_by_status",
    "jobs logs": "get_job_logs",
    "recover": "recover_workflow",
    "results list": "list_results",
    "slurm plan": "plan_allocations",
    "slurm regenerate": "resubmit_workflow",
    "slurm sacct": "get_slurm_sacct",
    "status": "get_workflow_status",
    "workflows analyze-resources": "analyze_resource_usage",
    "workflows list": "list_workflows",
    "workflows regroup-resources": "regroup_job_resources",
}
"""What an agent calls instead of a command of torc that a hint names."""


class Part(BaseModel):
    """Base of everything within an answer. Nulls are left out of the JSON."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, serialize_by_alias=True)


class Answer(Part):
    """Base of what tools return."""

    def headline(self) -> str:
        """Return the answer in a few sentences, for clients that show the text beside a large answer."""
        raise NotImplementedError


def as_result(answer: Answer, *, protocol_version: str | None) -> CallToolResult:
    """Return the answer for a client of this protocol.

    Agents read the structured content, some of them both parts, the oldest only the text. So the text is the
    whole answer as JSON where that is small or the client knows nothing else, and a headline otherwise.
    """
    payload = answer.model_dump(mode="json", exclude_none=True)
    text = answer.model_dump_json(exclude_none=True)
    is_old = protocol_version is not None and protocol_version < _KNOWS_STRUCTURE
    if not is_old and len(text.encode()) > SMALL_BYTES:
        text = bound(answer.headline(), HEADLINE_BYTES, keep="start")
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=payload)


def error_text(error: TorcError, tools: frozenset[str]) -> str:
    """Return what happened and the next step, with a tool of `tools` in place of a command; never a job's own text."""

    def spell(command: TorcCommand) -> str:
        tool = TOOL_OF_COMMAND.get(command.name)
        return tool if tool in tools and tool is not None else str(command)

    hint = f" ({error.hint.spelled(spell)})" if error.hint is not None else ""
    return bound(clean_text(f"{error.message}{hint}"), _MAX_ERROR_BYTES, keep="start")
