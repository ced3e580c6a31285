"""Sends requests to the server: tries again while it is out of reach, and raises its errors as our classes."""

import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlencode

from torc_client.connections.opening import LinkError, NeverSentError, SilentServerError, check_address
from torc_client.connections.pool import Connections
from torc_client.credentials import Credentials, user_name
from torc_core import __version__
from torc_core.api.system import ErrorResponse
from torc_core.credentials import SERVER_USER_VARIABLE
from torc_core.errors import (
    AnotherUsersServerError,
    InvalidInputError,
    ServerFaultError,
    ServerUnavailableError,
    ServerUnreachableError,
    TorcError,
    UnauthorizedError,
)

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_QUOTED_CHARS: Final = 80
_SPREAD: Final = 0.5
"""So much of a pause is left to chance: many clients that lost the same server do not come back at the same moment."""
_CHANCE: Final = random.SystemRandom()
_FIRST_REDIRECT: Final = 300
_FIRST_FAULT: Final = 500
_LEAST_WAIT_S: Final = 0.001
"""A socket without a timeout would be one that does not wait."""
_CONNECT_TIMEOUT_S: Final = 10.0
_HEADERS: Final = {"Accept": "application/json", "User-Agent": f"torc/{__version__}"}

QueryValue = str | int | float | bool | list[str] | None


class AnotherUsersSocketError(NeverSentError):
    """Nothing was sent: another user of the machine, of this number, has the port."""

    def __init__(self, user: int) -> None:
        super().__init__(f"the socket of user {user}")
        self.user = user


class _NotTorcError(ServerFaultError):
    """Another program answers: it will do so again."""


class Transport:
    """One connection pool to one server.

    `patience_s` is how long a request is tried again while the server cannot be reached. A request that may
    have reached the server is repeated only when its operation is idempotent, and one that failed in the server only
    within `waiting`. Where no `credentials` are given,
    `find_credentials` is asked, and again when the server does not take them: it may have begun after this client.
    `foreign_user` is asked with the port of our end at each new connection, before anything is sent on it; the
    connection is given up where it names the user of another one's server. `server_user` is whose server is meant.
    `pause` and `clock` are arguments for tests. Raises InvalidInputError for an address that is none, or a
    certificate that cannot be read.
    """

    def __init__(
        self,
        base_url: str,
        *,
        credentials: Credentials | None = None,
        find_credentials: Callable[[], Credentials | None] = lambda: None,
        foreign_user: Callable[[int], int | None] = lambda _: None,
        server_user: str | None = None,
        tls_ca_cert: Path | None = None,
        patience_s: float = 0.0,
        timeout_s: float = 60.0,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = _checked(base_url.rstrip("/"))
        self.patience_s = patience_s
        self.tls_ca_cert = tls_ca_cert
        self._pause = pause
        self._clock = clock
        self._find_credentials = find_credentials
        self.credentials = credentials or find_credentials()
        self._may_renew = credentials is None
        self._outlasts_faults = False
        self._on_wait: Callable[[TorcError], None] | None = None
        self._foreign_user = foreign_user
        self.server_user = server_user
        self._timeout_s = timeout_s
        has_tls = self.base_url.startswith("https:")
        trusted = _trusted(tls_ca_cert) if has_tls or tls_ca_cert is not None else None
        self._connections = Connections(
            self.base_url,
            connect_timeout_s=min(timeout_s, _CONNECT_TIMEOUT_S),
            tls=trusted if has_tls else None,
            check=self._check_other_end,
        )

    def close(self) -> None:
        self._connections.close()

    @contextmanager
    def waiting(self, patience_s: float, *, on_wait: Callable[[TorcError], None] = lambda _: None) -> Iterator[None]:
        """Have more patience for the time of the block, also with a server that fails; `on_wait` hears once of it.

        For one thread: others that send requests meanwhile would have the same patience.
        """
        before = self.patience_s, self._outlasts_faults, self._on_wait
        self.patience_s, self._outlasts_faults, self._on_wait = patience_s, True, on_wait
        try:
            yield
        finally:
            self.patience_s, self._outlasts_faults, self._on_wait = before

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, QueryValue] | None = None,
        body: bytes | None = None,
        idempotent: bool = True,
        timeout_s: float | None = None,
    ) -> bytes:
        """Return the answer's body. Raises the TorcError that the server named, or ServerUnreachableError."""
        deadline = self._clock() + self.patience_s
        wait_s = _FIRST_PAUSE_S
        while True:
            least_s = 0.0
            try:
                return self._send(method, path, query=query, body=body, timeout_s=timeout_s)
            except UnauthorizedError:
                if not self._renew():
                    raise
                continue
            except ServerUnavailableError as error:
                # the server did nothing, so that any request may be repeated
                least_s = error.retry_after_s
                if self._clock() + max(wait_s, least_s) > deadline:
                    raise
                self._note_wait(error)
            except ServerFaultError as error:
                # it may have failed after the work was done
                is_passing = self._outlasts_faults and idempotent and not isinstance(error, _NotTorcError)
                if not is_passing or self._clock() + wait_s > deadline:
                    raise
                self._note_wait(error)
            except LinkError as error:
                safe = idempotent or isinstance(error, NeverSentError)
                if not safe or self._clock() + wait_s > deadline:
                    raise self._unreachable(error) from error
                self._note_wait(self._unreachable(error))
            self._pause(max(least_s, wait_s * _CHANCE.uniform(1 - _SPREAD, 1)))
            wait_s = min(wait_s * 2, _LONGEST_PAUSE_S)

    def stream_lines(
        self, path: str, *, query: Mapping[str, QueryValue] | None = None, deadline: float | None = None
    ) -> Iterator[str]:
        """Yield the lines of a streamed answer until it ends or `clock` reaches `deadline`. Raises as `request`."""
        left_s = None if deadline is None else max(_LEAST_WAIT_S, deadline - self._clock())
        try:
            with self._connections.stream(_target(path, query), headers=self._headers(), timeout_s=left_s) as response:
                if not 200 <= response.status < _FIRST_REDIRECT:
                    raise self._error_from_answer(response.status, response.read())
                for line in response:
                    yield line.decode("utf-8", "replace").rstrip("\r\n")
                    if deadline is not None and self._clock() >= deadline:
                        return
        except SilentServerError:
            return  # nothing came until the deadline
        except LinkError as error:
            raise self._unreachable(error) from error

    def _note_wait(self, error: TorcError) -> None:
        on_wait, self._on_wait = self._on_wait, None
        if on_wait is not None:
            on_wait(error)

    def _headers(self) -> dict[str, str]:
        header = self.credentials.header() if self.credentials else None
        return _HEADERS if header is None else {**_HEADERS, "Authorization": header}

    def _check_other_end(self, our_port: int) -> None:
        """Raise AnotherUsersSocketError where credentials would go to a server that another user has.

        Asked where the connection is new: a check of every request would cost time, and one before the connection
        would leave a gap in which the port changes hands.
        """
        if self.credentials is None:
            return
        user = self._foreign_user(our_port)
        if user is not None:
            raise AnotherUsersSocketError(user)

    def _renew(self) -> bool:
        """Look for other credentials than those that the server refused; return whether there are."""
        found = self._find_credentials() if self._may_renew else None
        if found is None or found == self.credentials:
            return False
        self.credentials = found
        self._connections.close()  # nobody has looked who is at the other end of those that had no credentials
        return True

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, QueryValue] | None,
        body: bytes | None,
        timeout_s: float | None,
    ) -> bytes:
        headers = self._headers()
        answer = self._connections.request(
            method,
            _target(path, query),
            headers=headers if body is None else {**headers, "Content-Type": "application/json"},
            body=body,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
        )
        if not answer.is_success:
            raise self._error_from_answer(answer.status, answer.body)
        if "json" not in answer.content_type:
            raise self.foreign_answer(_first_words(answer.body))
        return answer.body

    def foreign_answer(self, what: str) -> ServerFaultError:
        """Return the error for an answer that does not come from a Torc server."""
        return _NotTorcError(
            f"the answer at {self.base_url} is not a Torc server's: {what}",
            hint="check --url and TORC_API_URL, and that client and server have the same version",
        )

    def _error_from_answer(self, status: int, body: bytes) -> TorcError:
        try:
            detail = ErrorResponse.model_validate_json(body).error
        except ValueError:
            foreign = self.foreign_answer(f"{status}, {_first_words(body)}")
            if status < _FIRST_FAULT:
                return foreign
            # perhaps of a gateway before the server, as 502: that passes
            return ServerFaultError(foreign.message, hint=foreign.hint)
        return detail.as_error()

    def _unreachable(self, error: LinkError) -> ServerUnreachableError:
        if isinstance(error, AnotherUsersSocketError):
            name = user_name(error.user)
            return AnotherUsersServerError(
                f"{name}, another user of this machine, listens at {self.base_url}: no token or password was sent",
                hint=f"start your own server again; or, where the server of {name} is the one you mean, set "
                f"{SERVER_USER_VARIABLE}={name}",
            )
        return ServerUnreachableError(
            f"no answer from the server at {self.base_url} ({error})",
            hint="start one with `torc-server run` and name it with --url or TORC_API_URL, "
            "or use `torc -s …` to run on an embedded server",
        )


def _checked(url: str) -> str:
    try:
        check_address(url)
    except ValueError as error:
        raise InvalidInputError(
            f"{url!r} is no address of a server: {error}",
            hint="write it like http://localhost:8080, as --url or TORC_API_URL",
        ) from error
    return url


def _trusted(ca_cert: Path | None) -> ssl.SSLContext:
    """Return the certificate authorities: those of the system, or the one that the user names."""
    try:
        return ssl.create_default_context(cafile=None if ca_cert is None else str(ca_cert))
    except OSError as error:  # ssl.SSLError is one
        raise InvalidInputError(
            f"the certificate {ca_cert} cannot be used: {error.strerror or error}",
            hint="--tls-ca-cert and TORC_TLS_CA_CERT name a file in PEM format",
        ) from error


def _first_words(body: bytes) -> str:
    words = " ".join(body[:2000].decode("utf-8", "replace").split())
    return repr(words[:_QUOTED_CHARS]) if words else "nothing"


def _target(path: str, query: Mapping[str, QueryValue] | None) -> str:
    given = {key: _as_text(value) for key, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def _as_text(value: str | float | list[str]) -> str | list[str]:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, list) else str(value)
