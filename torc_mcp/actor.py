"""The actor of a decision: the connected agent, in the name of this process's user."""

from typing import Final

from torc_core.api.failures import Actor
from torc_mcp.context import ToolContext, app_of, one_line

_UNNAMED: Final = "unnamed MCP client"


def actor_of(ctx: ToolContext) -> Actor:
    """Return the actor; its kind is always agent, as the client chooses its own name."""
    settings = app_of(ctx).settings
    params = ctx.session.client_params
    name = params.client_info.name if params else ""
    version = params.client_info.version if params else ""
    return Actor(
        kind="agent",
        name=one_line(settings.actor_name or name, 200) or _UNNAMED,
        version=one_line(version, 100) or None,
        user=one_line(settings.client.user, 200) or None,
    )
