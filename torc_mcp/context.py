"""The context of every tool, resource and prompt: client, settings, documents and examples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio.from_thread
from mcp.server.mcpserver import Context

from torc_client.http import TorcClient
from torc_client.library import Library
from torc_core.evidence.cleaning import clean_text, shorten_line
from torc_mcp.settings import McpSettings


@dataclass(frozen=True, kw_only=True)
class App:
    """The objects of one server. `tools` are the names of the registered tools."""

    client: TorcClient
    settings: McpSettings
    docs: Library
    examples: Library
    tools: frozenset[str]


ToolContext = Context[App, Any]
"""The type of the context parameter of tools."""

Progress = Callable[[int, int, str], None]


def app_of(ctx: ToolContext) -> App:
    return ctx.request_context.lifespan_context


def progress_of(ctx: ToolContext) -> Progress:
    """Return a function that reports progress to the client; to be called from the tool's own thread."""

    def report(done: int, total: int, message: str) -> None:
        anyio.from_thread.run(ctx.report_progress, float(done), float(total), message)

    return report


def one_line(text: str, max_chars: int = 200) -> str:
    """Return a name or a command on one line, without control characters, bounded."""
    return shorten_line(clean_text(text).replace("\n", " ").strip(), max_chars)
