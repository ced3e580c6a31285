"""Builds the MCP server from its tools, resources, prompts and completions."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

from torc_client.http import TorcClient
from torc_client.library import open_docs, open_examples
from torc_core import __version__
from torc_mcp.argument_checks import CheckedServer
from torc_mcp.completions import register_completions
from torc_mcp.context import App
from torc_mcp.instructions import write_instructions
from torc_mcp.prompts import register_prompts
from torc_mcp.registry import choose_tools, register_tool
from torc_mcp.resources import register_resources
from torc_mcp.review_app import review_app
from torc_mcp.settings import McpSettings


def build_server(
    settings: McpSettings,
    client: TorcClient,
    *,
    auth: AuthSettings | None = None,
    token_verifier: TokenVerifier | None = None,
) -> MCPServer[App]:
    """Return a server with the tools, resources and prompts that the settings allow. The caller closes the client."""
    entries = choose_tools(settings)
    app = App(
        client=client,
        settings=settings,
        docs=open_docs(settings.docs_dir),
        examples=open_examples(settings.examples_dir),
        tools=frozenset(entry.name for entry in entries),
    )
    server = CheckedServer(
        name="torc",
        title="Torc",
        version=__version__,
        instructions=write_instructions(settings, app.tools),
        lifespan=_lifespan(app),
        auth=auth,
        token_verifier=token_verifier,
        extensions=[review_app()],
    )
    server.output_schemas = settings.output_schemas
    server.serve_listening(app)
    for entry in entries:
        register_tool(server, entry)
    register_resources(server, app)
    register_prompts(server)
    register_completions(server, app)
    return server


def _lifespan(app: App) -> Callable[[MCPServer[App]], AbstractAsyncContextManager[App]]:
    """Return a lifespan that leaves the client open: over HTTP many connections share it."""

    @asynccontextmanager
    async def serve(_: MCPServer[App]) -> AsyncIterator[App]:
        yield app

    return serve
