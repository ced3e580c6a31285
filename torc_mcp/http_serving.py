"""Serves over HTTP: with a bearer token only, and on loopback unless --host names another address."""

import secrets
import socket
import sys
from typing import Final

import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl

from torc_core.errors import InvalidInputError
from torc_mcp.context import App

_SCOPE: Final = "torc"
_CLIENT: Final = "torc-mcp-client"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class StaticToken:
    """Verifies the one token of this server."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        if not secrets.compare_digest(token.encode(), self._token):
            return None
        return AccessToken(token=token, client_id=_CLIENT, scopes=[_SCOPE])


def auth_settings(host: str, port: int) -> AuthSettings:
    return AuthSettings(
        issuer_url=AnyHttpUrl(f"http://{_in_url(host)}:{port}"), resource_server_url=None, required_scopes=[_SCOPE]
    )


def choose_token(given: str | None) -> str:
    """Return the given token, or a new one, which is printed on stderr for the user."""
    if given:
        return given
    token = secrets.token_urlsafe(32)
    sys.stderr.write(f"TORC_MCP_TOKEN={token}\n")
    return token


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises InvalidInputError when address or port cannot be used."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InvalidInputError(
            f"cannot listen on {_in_url(host)}:{port} ({error.strerror or error})",
            hint="choose another --host or --port",
        ) from error


def serve(server: MCPServer[App], listener: socket.socket, *, host: str) -> None:
    """Print the address on stderr, and serve until the process is stopped."""
    sys.stderr.write(f"torc-mcp-server listens on http://{_in_url(host)}:{port_of(listener)}/mcp\n")
    if host not in _LOOPBACK:
        sys.stderr.write("warning: it listens beyond this machine, and the token travels unencrypted\n")
    sys.stderr.flush()
    # log_config=None: the default of uvicorn would write to stdout.
    config = uvicorn.Config(server.streamable_http_app(host=host), log_config=None)
    uvicorn.Server(config).run(sockets=[listener])


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
