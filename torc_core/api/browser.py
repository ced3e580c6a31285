"""One-time codes by which a browser is logged in."""

from torc_core.api.base import ApiModel


class BrowserCode(ApiModel):
    """A code that opens one session of a browser, as the caller who asked for it.

    `path`, behind the address of the server, opens the page; `expires_in_s` says how long it may take until then.
    """

    code: str
    path: str
    expires_in_s: float


class BrowserCodeRequest(ApiModel):
    """Names the page to open, as a path of the server."""

    to: str = "/"
