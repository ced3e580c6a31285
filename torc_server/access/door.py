"""The door: what is checked of every request before any route sees it."""

import logging
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from torc_core import API_PREFIX
from torc_core.api.system import ErrorDetail, ErrorResponse
from torc_core.errors import ForbiddenError, MisdirectedError, TorcError, UnauthorizedError
from torc_core.hints import Hint, torc
from torc_server.access.authenticate import Authenticator
from torc_server.access.network import Network

OPEN_PATHS: Final = frozenset({f"{API_PREFIX}/ping", f"{API_PREFIX}/version"})
"""The paths that unknown callers may ask for: whether a server is there, and which."""
PRINCIPAL: Final = "torc.principal"
"""The key of the caller in the scope of a request."""
ADDRESS: Final = "torc.address"

_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Torc", charset="UTF-8"'}

log = logging.getLogger(__name__)


class Door:
    """Lets in requests that name this server, come from no foreign page, and show who makes them."""

    def __init__(self, app: ASGIApp, *, network: Network, authenticator: Authenticator) -> None:
        self._app = app
        self._network = network
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        client = scope.get("client")
        address = client[0] if client else ""
        try:
            self._check_network(headers)
            if scope["path"] not in OPEN_PATHS:
                principal = await self._authenticator.identify(headers.get(b"authorization"), address)
                if principal is None:
                    raise _unauthorized(has_shown=b"authorization" in headers)
                scope[PRINCIPAL] = principal
            scope[ADDRESS] = address
        except TorcError as error:
            # as it was sent: decoded, it could hold line breaks, and an anonymous caller would write lines of its own
            path = scope["raw_path"].decode("ascii", "backslashreplace")
            log.info("%s %s from %s refused: %s", scope["method"], path, address, error.message)
            await _refusal(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_network(self, headers: Mapping[bytes, str]) -> None:
        host = headers.get(b"host", "")
        if not self._network.knows_host(host):
            raise MisdirectedError(
                f"this server is not called {host[:100]!r}",
                hint="use the name it listens on; or start it with --allowed-host NAME",
            )
        if not self._network.knows_origin(headers.get(b"origin"), headers.get(b"sec-fetch-site"), host):
            raise ForbiddenError(
                "a page of another site made this request",
                hint="pages of other sites may not use this server, unless it runs with --allow-origin ORIGIN",
            )


_WANTED: Final = frozenset({b"host", b"origin", b"sec-fetch-site", b"authorization"})


def _headers(scope: Scope) -> dict[bytes, str]:
    """Return the headers that the door looks at. One that is sent twice counts as both, joined: it matches nothing."""
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in _WANTED:
            text = value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found


def _unauthorized(*, has_shown: bool) -> TorcError:
    return UnauthorizedError(
        "the token or password is wrong" if has_shown else "this server wants to know who calls it",
        hint=Hint(
            "set TORC_API_TOKEN to its token (the file FILE.token beside its database FILE, or your own from `{}`), or "
            "TORC_USERNAME and TORC_PASSWORD where it has users; the user who started the server needs neither on the "
            "same machine",
            torc("tokens create"),
        ),
    )


def _refusal(error: TorcError) -> Response:
    headers = _CHALLENGE if isinstance(error, UnauthorizedError) else None
    # the connection stays open: closed with a body unread, the client would get a reset in place of the answer
    content = ErrorResponse(error=ErrorDetail.of(error)).model_dump_json(exclude_none=True)
    return Response(content, status_code=error.http_status, media_type="application/json", headers=headers)
