"""A connection to a server: how it is opened, and what can go wrong on it."""

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead, RemoteDisconnected
from ssl import SSLCertVerificationError, SSLContext
from urllib.parse import urlsplit


class LinkError(Exception):
    """No answer came, and the request may have reached the server. The text says why in a few words."""


class NeverSentError(LinkError):
    """There is no connection, so that nothing was sent."""


class SilentServerError(LinkError):
    """The server took the request and sent nothing for as long as was waited."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server is, and how it is connected to.

    `check` is called with the port of our end of each new connection, before anything is sent on it, also before the
    handshake of TLS; what it raises ends the connection. With `tls` the connection is encrypted.
    """

    host: str
    port: int | None
    timeout_s: float
    tls: SSLContext | None
    check: Callable[[int], None]

    def connect(self) -> HTTPConnection:
        """Return an open connection. Raises NeverSentError, and what `check` raises."""
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
        if self.tls is None:
            plain = _CheckedConnection(self.host, self.port, timeout=self.timeout_s)
            plain.check = self.check
            return plain
        secure = _CheckedTlsConnection(self.host, self.port, timeout=self.timeout_s, context=self.tls)
        secure.check = self.check
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


def link_error(error: OSError | HTTPException) -> LinkError:
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
