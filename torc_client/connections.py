"""HTTP connections to one server, which stay open between requests, for many threads.

Over the standard library: loading a larger HTTP library takes longer than most commands do.
"""

import select
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
    RemoteDisconnected,
)
from ssl import SSLCertVerificationError, SSLContext
from typing import Final
from urllib.parse import quote, urlsplit

_MOST_IDLE: Final = 8
_PATH_CHARS: Final = "/%:=&?~+!$,;'@()*[]"
"""Stay as they are: what has a meaning in a path, and what is quoted already."""


class LinkError(Exception):
    """No answer came, and the request may have reached the server. The text says why in a few words."""


class NeverSentError(LinkError):
    """There is no connection, so that nothing was sent."""


class SilentServerError(LinkError):
    """The server took the request and sent nothing for as long as was waited."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    content_type: str
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Connections:
    """Opens a connection where none is idle, and keeps a few.

    `check` is called with the port of our end of each new connection, before anything is sent on it, also before the
    handshake of TLS; what it raises ends the connection. `tls` is for addresses that begin with https.
    """

    def __init__(
        self, base_url: str, *, connect_timeout_s: float, tls: SSLContext | None, check: Callable[[int], None]
    ) -> None:
        address = urlsplit(base_url)
        self._host, self._port = address.hostname or "", address.port
        self._path = address.path
        self._connect_timeout_s = connect_timeout_s
        self._tls = tls
        self._check = check
        self._idle: deque[HTTPConnection] = deque()

    def request(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None, timeout_s: float
    ) -> Answer:
        """Return the whole answer; `timeout_s` is for each wait for the server. Raises LinkError."""
        connection = self._take(timeout_s)
        try:
            response = self._send(connection, method, target, headers, body)
            content = response.read()
        except BaseException as error:
            # what is left of the answer must not be taken for that of the next request
            connection.close()
            if isinstance(error, OSError | HTTPException):
                raise _link_error(error) from error
            raise
        if response.will_close or len(self._idle) >= _MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        return Answer(status=response.status, content_type=response.headers.get("Content-Type") or "", body=content)

    @contextmanager
    def stream(self, target: str, *, headers: Mapping[str, str], timeout_s: float | None) -> Iterator[HTTPResponse]:
        """Yield the answer to a GET, of which lines can be read as they come. Raises LinkError, also for its block."""
        connection = self._take(timeout_s)
        try:
            yield self._send(connection, "GET", target, headers, None)
        except (OSError, HTTPException) as error:
            raise _link_error(error) from error
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
        connection = self._open()
        connection.sock.settimeout(timeout_s)
        return connection

    def _open(self) -> HTTPConnection:
        connection = self._new_connection()
        try:
            connection.connect()
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError | HTTPException):
                raise NeverSentError(_words_of(error)) from error
            raise
        return connection

    def _new_connection(self) -> HTTPConnection:
        place, timeout_s = (self._host, self._port), self._connect_timeout_s
        if self._tls is None:
            plain = _CheckedConnection(*place, timeout=timeout_s)
            plain.check = self._check
            return plain
        secure = _CheckedTlsConnection(*place, timeout=timeout_s, context=self._tls)
        secure.check = self._check
        return secure


class _CheckedConnection(HTTPConnection):
    check: Callable[[int], None]

    def connect(self) -> None:
        super().connect()
        self.check(self.sock.getsockname()[1])


class _CheckedTlsConnection(HTTPSConnection, _CheckedConnection):
    """HTTPSConnection connects as its next base does, and shakes hands then."""


def check_address(url: str) -> None:
    """Raise ValueError, with a sentence, for an address that no server can have."""
    address = urlsplit(url)
    if address.scheme not in {"http", "https"}:
        raise ValueError("it begins with neither http:// nor https://")
    if not address.hostname:
        raise ValueError("it names no host")
    try:
        HTTPConnection(address.hostname.encode("idna").decode(), address.port)
    except HTTPException as error:
        raise ValueError(str(error)) from error


def _is_dropped(connection: HTTPConnection) -> bool:
    """Return whether the server has closed the idle connection, or sent what nobody asked for."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _link_error(error: OSError | HTTPException) -> LinkError:
    kind = SilentServerError if isinstance(error, TimeoutError) else LinkError
    return kind(_words_of(error))


def _words_of(error: OSError | HTTPException) -> str:
    match error:
        case TimeoutError():
            return "it takes too long"
        case RemoteDisconnected() | ConnectionResetError() | BrokenPipeError() | IncompleteRead():
            return "the connection was closed"
        case SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case OSError(strerror=str(words)):
            return words.lower()
        case _:
            return str(error) or type(error).__name__
