"""An MCP server that refuses unknown and wrong arguments before a tool is called."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    InputRequiredResult,
    SubscriptionsListenRequestParams,
    Tool,
)
from pydantic import ValidationError

from torc_mcp.context import App, one_line
from torc_mcp.subscriptions import FailuresListener

_MAX_PROBLEMS: Final = 5


class CheckedServer(MCPServer[App]):
    """Refuses unknown arguments: a misspelt one that is ignored looks as if it had its effect.

    `output_schemas`: whether the list of tools holds them. Agents read answers without, and pay for every word of it.
    """

    output_schemas = False

    async def list_tools(self) -> list[Tool]:
        """Return the tools as agents see them."""
        tools = await super().list_tools()
        return tools if self.output_schemas else [tool.model_copy(update={"output_schema": None}) for tool in tools]

    def serve_listening(self, app: App) -> None:
        """Serve `subscriptions/listen` with notifications of what happens in the workflows of the app."""
        listener = FailuresListener(self._subscriptions, app)
        self._lowlevel_server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, listener)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[App, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        known = {tool.name: tool.input_schema.get("properties", {}) for tool in await self.list_tools()}
        if name in known and (problem := _unknown(name, arguments, known[name])):
            raise ToolError(problem)
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(f"{name} cannot be called so: {_problems(error.__cause__)}") from error
            raise

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[App, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        given = arguments or {}
        known = {prompt.name: prompt.arguments or [] for prompt in await self.list_prompts()}
        if name not in known:
            raise MCPError(INVALID_PARAMS, f"there is no prompt {name[:100]!r} (there is: {', '.join(known)})")
        if problem := _unknown(name, given, [argument.name for argument in known[name]]):
            raise MCPError(INVALID_PARAMS, problem)
        if missing := [argument.name for argument in known[name] if argument.required and argument.name not in given]:
            raise MCPError(INVALID_PARAMS, f"{name} needs {', '.join(missing)}")
        return await super().get_prompt(name, arguments, context)


def _unknown(name: str, given: Mapping[str, Any], known: Collection[str]) -> str | None:
    unknown = [repr(key[:40]) for key in given if key not in known][:_MAX_PROBLEMS]
    return f"{name} does not know {', '.join(unknown)} (it knows: {', '.join(known)})" if unknown else None


def _problems(error: ValidationError) -> str:
    """Return places and reasons; without the library's addresses, and without values, which may be secret."""
    found = error.errors(include_url=False, include_input=False)
    lines = [f"{'.'.join(map(str, each['loc']))}: {one_line(each['msg'])}" for each in found[:_MAX_PROBLEMS]]
    more = len(found) - len(lines)
    return "; ".join([*lines, *([f"and {more} more"] if more else [])])
