"""From a model to what the client gets: structured content, and a text that does not repeat a large one."""

from typing import Final

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict

from torc_core.errors import NotFoundError, TorcError
from torc_core.evidence.cleaning import bound, clean_text
from torc_mcp.budget import HEADLINE_BYTES, SMALL_BYTES

_KNOWS_STRUCTURE: Final = "2025-06-18"
"""The first protocol revision with structured content; revisions are dates."""

_MAX_ERROR_BYTES: Final = 3_000
_LISTING_TOOLS: Final = {"workflow_id": "list_workflows", "job_id": "list_jobs_by_status"}


class Part(BaseModel):
    """Base of everything within an answer. Nulls are left out when it travels."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, serialize_by_alias=True)


class Answer(Part):
    """Base of what tools return."""

    def headline(self) -> str:
        """The answer in a few sentences, for clients that show the text beside a large answer."""
        raise NotImplementedError


def as_result(answer: Answer, *, protocol_version: str | None) -> CallToolResult:
    """The answer for a client of this protocol.

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
    """What happened and the next step; never a text that a job wrote."""
    named: list[str] = []
    if isinstance(error, NotFoundError):
        named = [tool for key, tool in _LISTING_TOOLS.items() if key in error.ids and tool in tools]
    said = f"{named[0]} shows what there is" if named else error.hint
    return bound(clean_text(f"{error.message} ({said})" if said else error.message), _MAX_ERROR_BYTES, keep="start")
