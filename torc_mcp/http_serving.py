"""Serving over HTTP: only with a bearer token, and on loopback unless told otherwise."""

import secrets
import sys
from typing import Final

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl

_SCOPE: Final = "torc"
_CLIENT: Final = "torc-mcp-client"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class StaticToken:
    """Accepts one token."""

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
    """The token given, or a new one, which is then told on stderr: nobody could know it otherwise."""
    if given:
        return given
    token = secrets.token_urlsafe(32)
    sys.stderr.write(f"TORC_MCP_TOKEN={token}\n")
    return token


def announce(host: str, port: int) -> None:
    """Says where the server listens, on stderr."""
    sys.stderr.write(f"torc-mcp-server listens on http://{_in_url(host)}:{port}/mcp\n")
    if host not in LOOPBACK:
        sys.stderr.write("warning: it listens beyond this machine, and the token travels unencrypted\n")
    sys.stderr.flush()


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
