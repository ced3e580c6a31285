"""Sessions of browsers: who logs in shows credentials once, and a cookie stands for them until the session ends."""

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.responses import HTMLResponse, Response

from torc_core import API_PREFIX

SESSION: Final = "torc.session"
"""The key of the browser's session in the scope of a request."""
IDLE_S: Final = 24 * 3600.0
"""A session ends so long after its last request."""
CODE_S: Final = 300.0
"""A one-time code is good for so long: it stands in an address, which terminals and browsers keep."""
_MOST_SESSIONS: Final = 10_000
_FOREIGN_SITES: Final = frozenset({"cross-site", "same-site"})
_RELOADING_PAGE: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Torc</title>'
    '<meta http-equiv="refresh" content="0"></head><body><p>Opening the page.</p></body></html>'
)
_NOTHING_LOADED: Final = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}

Clock = Callable[[], float]


@dataclass(slots=True)
class BrowserSession:
    """One browser that logged in. `csrf` stands in its forms; `authorization` is what it showed, for every request.

    The credentials are checked again at each request, so that a session ends with its token or user.
    """

    authorization: str = field(repr=False)  # a log must not hold it
    last_used: float
    csrf: str = field(default_factory=secrets.token_urlsafe, repr=False)
    is_closed: bool = False

    def sent_form(self, token: str | None) -> bool:
        """Return whether a form comes from a page of this session."""
        return token is not None and hmac.compare_digest(token.encode(), self.csrf.encode())


class Browsers:
    """The sessions and one-time codes of this process; they live in the event loop, and end with it.

    `port` is part of the cookie's name: browsers send cookies to every port of a host, and two servers on one machine
    would overwrite each other's.
    """

    def __init__(self, *, is_secure: bool = False, clock: Clock = time.monotonic) -> None:
        self._is_secure = is_secure
        self._clock = clock
        self._sessions: dict[str, BrowserSession] = {}
        self._codes: dict[str, tuple[str, float]] = {}

    def open(self, authorization: str, response: Response, host: str) -> None:
        """Begin a session and set its cookie."""
        self._forget_old()
        name = secrets.token_urlsafe(32)
        self._sessions[name] = BrowserSession(authorization, self._clock())
        response.set_cookie(
            _cookie_name(host), name, httponly=True, samesite="strict", secure=self._is_secure, path="/"
        )

    def find(self, cookies: str | None, host: str) -> BrowserSession | None:
        """Return the session of a request's Cookie header; None without one that is still open."""
        try:
            morsel = SimpleCookie(cookies or "").get(_cookie_name(host))
        except CookieError:
            return None
        session = None if morsel is None else self._sessions.get(morsel.value)
        if session is None or session.is_closed or session.last_used + IDLE_S < self._clock():
            return None
        session.last_used = self._clock()
        return session

    def close(self, session: BrowserSession) -> None:
        """End the session; its open streams see it."""
        session.is_closed = True
        self._sessions = {name: each for name, each in self._sessions.items() if not each.is_closed}

    def make_code(self, authorization: str) -> str:
        """Return a new one-time code that opens a session for these credentials."""
        self._forget_old()
        code = secrets.token_urlsafe(24)
        self._codes[code] = (authorization, self._clock() + CODE_S)
        return code

    def take_code(self, code: str) -> str | None:
        """Return the credentials of a code, which is used up; None for one that is unknown or over."""
        authorization, until = self._codes.pop(code, ("", 0.0))
        return authorization if until > self._clock() else None

    def _forget_old(self) -> None:
        now = self._clock()
        self._codes = {code: each for code, each in self._codes.items() if each[1] > now}
        kept = {name: each for name, each in self._sessions.items() if each.last_used + IDLE_S >= now}
        if len(kept) >= _MOST_SESSIONS:
            oldest = min(kept, key=lambda name: kept[name].last_used)
            kept.pop(oldest).is_closed = True
        self._sessions = kept


def is_of_pages(path: str) -> bool:
    """Return whether a path is for browsers: no cookie opens the interface for programs."""
    return path != API_PREFIX and not path.startswith(f"{API_PREFIX}/")


def is_link_elsewhere(method: str, path: str, headers: Mapping[bytes, str]) -> bool:
    """Return whether a person follows a link to a page that stands in a mail or on another site.

    A page of that site cannot read the answer, and nothing happens by looking at a page.
    """
    return (
        method == "GET"
        and is_of_pages(path)
        and headers.get(b"sec-fetch-site") in _FOREIGN_SITES
        and headers.get(b"sec-fetch-mode") == "navigate"
        and headers.get(b"sec-fetch-dest") == "document"
    )


def reload_page() -> Response:
    """Return a page that loads itself again: a browser sends the session's cookie only from a page of this server."""
    return HTMLResponse(_RELOADING_PAGE, headers=_NOTHING_LOADED)


def _cookie_name(host: str) -> str:
    port = host.rpartition(":")[2]
    return f"torc_session_{port}" if port.isdecimal() else "torc_session"
