"""One-time codes for `torc open`: they stand in an address, in the place of a token."""

from urllib.parse import urlencode

from fastapi import Request

from torc_core.api.tokens import BrowserCode, BrowserCodeRequest
from torc_server.access.browser import CODE_S, Browsers
from torc_server.access.door import AUTHORIZATION, ENTER_PATH
from torc_server.routes.contract import contract_router

router = contract_router("access_control")


@router.post("/browser_codes", response_model=BrowserCode)
async def create_browser_code(body: BrowserCodeRequest, request: Request) -> BrowserCode:
    """Make a code that logs a browser in as the caller, once and within some minutes."""
    authorization = request.scope.get(AUTHORIZATION)
    if authorization is None:
        # a server that lets everybody in: there is nothing to log in with
        return BrowserCode(code="", path=body.to, expires_in_s=CODE_S)
    browsers: Browsers = request.app.state.browsers
    code = browsers.make_code(authorization)
    path = f"{ENTER_PATH}?{urlencode({'code': code, 'to': body.to})}"
    return BrowserCode(code=code, path=path, expires_in_s=CODE_S)
