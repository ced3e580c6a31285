"""The messages about an outage of the server: one when it has begun, one when it is over."""

from datetime import UTC, datetime, timedelta
from typing import Final

from runner.base.progress import Notice
from runner.server.connection import Connection, Trouble
from torc_core.errors import ServerUnavailableError

_REPORT_AFTER_S: Final = 2.0
"""A server that is only restarted is back by then."""


class OutageNotice:
    """Watches the connection for the loop. `url` is the server's address."""

    def __init__(self, connection: Connection, *, url: str) -> None:
        self._connection = connection
        self._url = url
        self._is_reported = False

    def take(self) -> Notice | None:
        """Return the message that is due, once."""
        trouble, silent_s = self._connection.trouble, self._connection.silent_s
        if self._is_reported and trouble is None:
            self._is_reported = False
            return Notice("info", f"the server at {self._url} answers again")
        if trouble is None or self._is_reported or silent_s < _REPORT_AFTER_S:
            return None
        self._is_reported = True
        since = datetime.now(UTC).astimezone() - timedelta(seconds=silent_s)
        until = since + timedelta(seconds=self._connection.patience_s)
        what = f"{_describe(trouble, self._url)} since {since:%H:%M:%S}"
        return Notice("warning", f"{what}; jobs go on, trying until {until:%H:%M}{_reason(trouble)}")


def _describe(trouble: Trouble, url: str) -> str:
    if trouble.is_silence:
        return f"no answer from the server at {url}"
    verb = "cannot work" if isinstance(trouble.error, ServerUnavailableError) else "fails"
    return f"the server at {url} {verb}"


def _reason(trouble: Trouble) -> str:
    if trouble.is_silence:
        return ""
    hint = f"; {trouble.error.hint}" if trouble.error.hint is not None else ""
    return f" ({trouble.error.message}{hint})"
