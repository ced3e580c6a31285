"""The door: what is checked of every request before any route sees it."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from torc_core import API_PREFIX
from torc_core.api.system import ErrorDetail, ErrorResponse
from torc_core.errors import ForbiddenError, MisdirectedError, TorcError, UnauthorizedError
from torc_core.hints import Hint, torc
from torc_server.access.authenticate import Authenticator
from torc_server.access.browser import SESSION, Browsers, is_link_elsewhere, is_of_pages, reload_page
from torc_server.access.network import Network

LOGIN_PATH: Final = "/login"
ENTER_PATH: Final = "/enter"
STATIC_PATH: Final = "/static/"
OPEN_PATHS: Final = frozenset({f"{API_PREFIX}/ping", f"{API_PREFIX}/version", LOGIN_PATH, ENTER_PATH})
"""The paths that unknown callers may ask for: whether a server is there, and which; and those by which they log in."""
PRINCIPAL: Final = "torc.principal"
"""The key of the caller in the scope of a request."""
ADDRESS: Final = "torc.address"
AUTHORIZATION: Final = "torc.authorization"
"""The key of the credentials that identified the caller: shown with the request, or when the browser logged in."""

_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Torc", charset="UTF-8"'}

log = logging.getLogger(__name__)


class Door:
    """Lets in requests that name this server, come from no foreign page, and show who makes them.

    `ask` makes the answer to a browser that is not logged in: the form for it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        network: Network,
        authenticator: Authenticator,
        browsers: Browsers,
        ask: Callable[[str], Response],
    ) -> None:
        self._app = app
        self._network = network
        self._authenticator = authenticator
        self._browsers = browsers
        self._ask = ask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        client = scope.get("client")
        address = client[0] if client else ""
        try:
            self._check_host(headers)
            # not to the page that logs in: with a code of their own, others could have somebody decide under their name
            if scope["path"] != ENTER_PATH and is_link_elsewhere(scope["method"], scope["path"], headers):
                await reload_page()(scope, receive, send)
                return
            self._check_origin(headers)
            scope[ADDRESS] = address
            if not _is_open(scope["path"]) and not await self._identify(scope, headers, address):
                await self._ask(_address_of(scope))(scope, receive, send)
                return
        except TorcError as error:
            # as it was sent: decoded, it could hold line breaks, and an anonymous caller would write lines of its own
            path = scope["raw_path"].decode("ascii", "backslashreplace")
            log.info("%s %s from %s refused: %s", scope["method"], path, address, error.message)
            await _refusal(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _identify(self, scope: Scope, headers: Mapping[bytes, str], address: str) -> bool:
        """Put the caller into the scope; return False for a browser that has to log in first.

        Raises UnauthorizedError for other unknown callers.
        """
        shown = headers.get(b"authorization")
        session = None
        if shown is None and is_of_pages(scope["path"]):
            session = self._browsers.find(headers.get(b"cookie"), headers.get(b"host", ""))
        authorization = shown if session is None else session.authorization
        principal = await self._authenticator.identify(authorization, address)
        if principal is None:
            if session is not None:
                self._browsers.close(session)
            if shown is None and is_of_pages(scope["path"]) and "text/html" in headers.get(b"accept", ""):
                return False
            raise _unauthorized(has_shown=shown is not None)
        scope[PRINCIPAL], scope[SESSION], scope[AUTHORIZATION] = principal, session, authorization
        return True

    def _check_host(self, headers: Mapping[bytes, str]) -> None:
        host = headers.get(b"host", "")
        if not self._network.knows_host(host):
            raise MisdirectedError(
                f"this server is not called {host[:100]!r}",
                hint="use the name it listens on; or start it with --allowed-host NAME",
            )

    def _check_origin(self, headers: Mapping[bytes, str]) -> None:
        host = headers.get(b"host", "")
        if not self._network.knows_origin(headers.get(b"origin"), headers.get(b"sec-fetch-site"), host):
            raise ForbiddenError(
                "a page of another site made this request",
                hint="pages of other sites may not use this server, unless it runs with --allow-origin ORIGIN",
            )


_WANTED: Final = frozenset(
    {
        b"host",
        b"origin",
        b"sec-fetch-site",
        b"sec-fetch-mode",
        b"sec-fetch-dest",
        b"authorization",
        b"cookie",
        b"accept",
    }
)


def _headers(scope: Scope) -> dict[bytes, str]:
    """Return the headers that the door looks at. One that is sent twice counts as both, joined: it matches nothing."""
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in _WANTED:
            text = value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(STATIC_PATH)


def _address_of(scope: Scope) -> str:
    """Return the path and query that the browser asked for, to go there once it has logged in."""
    if scope["method"] != "GET":
        return "/"
    query: str = scope["query_string"].decode("latin-1")
    path: str = scope["path"]
    return f"{path}?{query}" if query else path


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
