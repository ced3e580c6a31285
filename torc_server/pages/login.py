"""The login of a browser: the form, one-time codes of `torc open`, and the logout."""

import base64
from typing import Annotated, Final

from fastapi import HTTPException, Query, Request, Response
from starlette.responses import FileResponse

from torc_server.access.authenticate import Authenticator
from torc_server.access.browser import Browsers
from torc_server.access.door import ADDRESS, ENTER_PATH, LOGIN_PATH
from torc_server.pages.page_route import SentForm, Visiting, go_to, page, page_router
from torc_server.pages.rendering import ASSETS, HEADERS, render
from torc_server.routes.unit_of_work import Working

_KEPT: Final = "public, max-age=31536000, immutable"
"""For files whose address names their content."""
_HOME: Final = "/"

router = page_router()


def ask_to_log_in(address: str) -> Response:
    """Return the form for a browser that is not logged in, in the place of the page that it asked for."""
    content = render("login.html", title="Log in", visitor=None, here=LOGIN_PATH, next=address, is_wrong=False)
    return Response(content, status_code=401, media_type="text/html", headers=dict(HEADERS))


@router.get(LOGIN_PATH)
def get_login(request: Request, next: str = _HOME) -> Response:  # noqa: A002
    return page(request, "login.html", title="Log in", next=_own_address(next), is_wrong=False)


@router.post(LOGIN_PATH)
async def log_in(request: Request, form: SentForm) -> Response:
    address = _own_address(form.get("next", _HOME))
    authorization = _authorization(form)
    authenticator: Authenticator = request.app.state.authenticator
    principal = await authenticator.identify(authorization, request.scope.get(ADDRESS, ""))
    if principal is None:
        return page(request, "login.html", title="Log in", status_code=401, next=address, is_wrong=True)
    return _enter(request, authorization, address)


@router.get(ENTER_PATH)
async def enter(
    request: Request,
    code: Annotated[str, Query(max_length=200)] = "",
    to: Annotated[str, Query(max_length=500)] = _HOME,
) -> Response:
    """Open a session by a one-time code; a code that was used or is too old leads to the form."""
    browsers: Browsers = request.app.state.browsers
    authorization = browsers.take_code(code)
    address = _own_address(to)
    if authorization is None:
        # the page itself: it asks for a login where none is open
        return go_to(address)
    return _enter(request, authorization, address)


@router.post("/logout")
async def log_out(request: Request, visitor: Visiting, work: Working, form: SentForm) -> Response:
    del form  # read before, with the proof that a page of this session sent it
    browsers: Browsers = request.app.state.browsers
    if visitor.session is not None:
        browsers.close(visitor.session)
        work.hub.ask_readers()
    return go_to(LOGIN_PATH)


@router.get("/static/{name:path}")
def get_asset(name: str) -> FileResponse:
    if name not in ASSETS:
        raise HTTPException(404, "there is no such file")
    return FileResponse(ASSETS[name], headers={"Cache-Control": _KEPT})


def _enter(request: Request, authorization: str, address: str) -> Response:
    browsers: Browsers = request.app.state.browsers
    response = go_to(address)
    browsers.open(authorization, response, request.headers.get("host", ""))
    return response


def _authorization(form: SentForm) -> str:
    user, secret = form.get("user", "").strip(), form.get("secret", "").strip()
    if not user:
        return f"Bearer {secret}"
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def _own_address(address: str) -> str:
    """Return the address if it is a path of this server, else that of the first page: a link must not lead away."""
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_own and address != LOGIN_PATH else _HOME
