"""Limits of connections: how many one address may hold, how long each may take, and how large a head may be."""

import asyncio
import logging
import resource
from collections import Counter
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
_MOST_FILES: Final = 16_384
_OTHER_FILES: Final = 128
"""Of this process for its database, logs and standard streams: connections must not take the last ones."""
_SLOWEST_READ_BYTES_PER_S: Final = 1024
_ANSWER_LOOKS: Final = 3
"""A client may stop reading for so many times the time of a head."""

log = logging.getLogger(__name__)


class ConnectionLimit:
    """Counts connections, all of them and those of each address; lives in the event loop."""

    def __init__(self, *, in_all: int, per_address: int) -> None:
        self._in_all = in_all
        self._per_address = per_address
        self._held: Counter[str] = Counter()
        self._refused: set[str] = set()

    @classmethod
    def of_this_process(cls, per_address: int | None) -> "ConnectionLimit":
        """Return what this process can hold, after it has asked the system for as many files as it may have.

        One address may hold half of them unless the caller sets a number: the rest stays for others.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        files = _MOST_FILES if soft == resource.RLIM_INFINITY else soft
        in_all = max(files - _OTHER_FILES, files // 2)
        return cls(in_all=in_all, per_address=per_address or max(in_all // 2, 1))

    def enter(self, address: str) -> bool:
        """Count a connection; return False, with nothing counted, for one too many."""
        if self._held.total() >= self._in_all or self._held[address] >= self._per_address:
            if address not in self._refused:
                self._refused.add(address)
                log.warning("%s holds %d connections: more are refused until some end", address, self._held[address])
            return False
        self._held[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._held[address] -= 1
        self._refused.discard(address)
        if self._held[address] <= 0:
            del self._held[address]


class TimedProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers, or whose body after the answer, do not arrive in time.

    The same for those that do not read their answer, and those above the limit of their address. Without these limits a
    few hundred connections that send or read a byte now and then use up the server's files.
    """

    head_timeout_s: float
    limit: ConnectionLimit

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._read_timer: asyncio.TimerHandle | None = None
        self._unread_bytes = 0
        self._address: str | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self.limit.enter(address):
            transport.abort()
            return
        self._address = address
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_read_timer()
        if self._address is not None:
            self.limit.leave(self._address)
            self._address = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_whether_it_reads()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_read_timer()

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

    def _look_whether_it_reads(self) -> None:
        """Look again later; a client that has read nearly nothing since the last look gets no more of the answer."""
        unread = self.transport.get_write_buffer_size()
        every_s = self.head_timeout_s * _ANSWER_LOOKS
        if self._read_timer is not None and self._unread_bytes - unread < every_s * _SLOWEST_READ_BYTES_PER_S:
            self._read_timer = None
            self.transport.abort()
            return
        self._unread_bytes = unread
        self._read_timer = self.loop.call_later(every_s, self._look_whether_it_reads)

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.abort()


def timed_protocol(timeout_s: float, connections: ConnectionLimit) -> type[TimedProtocol]:
    """Return the protocol with these limits; uvicorn wants a class."""

    class LimitedProtocol(TimedProtocol):
        head_timeout_s = timeout_s
        limit = connections

    return LimitedProtocol
