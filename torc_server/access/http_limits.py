"""Limits of a connection: how long the head of a request may take, and how large it may be."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024


class TimedProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers, or whose body after the answer, do not arrive in time.

    Without the limit a few hundred connections that send a byte now and then use up the server's files.
    """

    head_timeout_s: float

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._start_head_timer()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_head_timer()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        is_unfinished = self.cycle.response_complete and self.cycle.more_body
        if is_unfinished and not self.transport.is_closing():
            # refused before its body was here: who sends the rest byte by byte would keep the connection for ever
            self._start_head_timer()

    def on_message_complete(self) -> None:
        self._stop_head_timer()
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.abort()


def timed_protocol(timeout_s: float) -> type[TimedProtocol]:
    """Return the protocol with this limit; uvicorn wants a class."""

    class LimitedProtocol(TimedProtocol):
        head_timeout_s = timeout_s

    return LimitedProtocol
