"""Connections to one server that stay open between requests, for many threads."""

import select
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ssl import SSLContext
from typing import Final
from urllib.parse import quote, urlsplit

from torc_client.connections.opening import Address, link_error

_MOST_IDLE: Final = 8
_PATH_CHARS: Final = "/%:=&?~+!$,;'@()*[]"
"""Stay as they are: what has a meaning in a path, and what is quoted already."""


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    status: int
    content_type: str
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Connections:
    """Opens a connection where none is idle, and keeps a few. `tls` and `check` as in `Address`."""

    def __init__(
        self, base_url: str, *, connect_timeout_s: float, tls: SSLContext | None, check: Callable[[int], None]
    ) -> None:
        address = urlsplit(base_url)
        self._address = Address(
            host=address.hostname or "", port=address.port, timeout_s=connect_timeout_s, tls=tls, check=check
        )
        self._path = address.path
        # append and pop of a deque are atomic: no lock, and at worst a few more connections than _MOST_IDLE are kept
        self._idle: deque[HTTPConnection] = deque()

    def request(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None, timeout_s: float
    ) -> HttpAnswer:
        """Return the whole answer; `timeout_s` is for each wait for the server. Raises LinkError."""
        connection = self._take(timeout_s)
        try:
            response = self._send(connection, method, target, headers, body)
            content = response.read()
        except BaseException as error:
            # what is left of the answer must not be taken for that of the next request
            connection.close()
            if isinstance(error, OSError | HTTPException):
                raise link_error(error) from error
            raise
        if response.will_close or len(self._idle) >= _MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        return HttpAnswer(status=response.status, content_type=response.headers.get("Content-Type") or "", body=content)

    @contextmanager
    def stream(self, target: str, *, headers: Mapping[str, str], timeout_s: float | None) -> Iterator[HTTPResponse]:
        """Yield the answer to a GET, of which lines can be read as they come. Raises LinkError, also for its block."""
        connection = self._take(timeout_s)
        try:
            yield self._send(connection, "GET", target, headers, None)
        except (OSError, HTTPException) as error:
            raise link_error(error) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close what is idle; a connection in use is closed when its request has ended."""
        while self._idle:
            with suppress(IndexError):  # another thread has taken the last one
                self._idle.pop().close()

    def _send(
        self, connection: HTTPConnection, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> HTTPResponse:
        path = quote(self._path + target, safe=_PATH_CHARS)
        # a server that refuses a body may answer and close before it has read it all: the answer is there to be read
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, dict(headers))
        return connection.getresponse()

    def _take(self, timeout_s: float | None) -> HTTPConnection:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread has taken the last one
                break
            if not _is_dropped(connection):
                connection.sock.settimeout(timeout_s)
                return connection
            connection.close()
        connection = self._address.connect()
        connection.sock.settimeout(timeout_s)
        return connection


def _is_dropped(connection: HTTPConnection) -> bool:
    """Return whether the server has closed the idle connection, or sent what nobody asked for."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
