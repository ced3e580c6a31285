"""What just happened, told inside this process: to claims that wait and to readers of the event stream."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Final

from torc_core.api.events import StreamEvent
from torc_core.jobs.status import Severity
from torc_server.claim_queue import ClaimQueue, Waiter

STREAM_BUFFER: Final = 512
"""Events kept for one reader; what comes on top is dropped and counted."""

_RANK: Final[dict[Severity, int]] = {"debug": 0, "info": 1, "warning": 2, "error": 3}


class Subscription:
    """One reader of a workflow's events. A slow one loses events and is told how many."""

    def __init__(self, level: Severity) -> None:
        self._lowest = _RANK[level]
        self._pending: deque[StreamEvent] = deque()
        self._dropped = 0
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    async def wait(self, timeout_s: float) -> bool:
        """True when there is something to take or the server stops, False when the time is over."""
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return False
        self._news.clear()
        return True

    def offer(self, event: StreamEvent) -> None:
        if _RANK[event.severity] < self._lowest:
            return
        if len(self._pending) >= STREAM_BUFFER:
            self._dropped += 1
        else:
            self._pending.append(event)
        self.wake()

    def take(self) -> tuple[list[StreamEvent], int]:
        """What has come since the last call, and how many events were dropped after it."""
        taken, dropped = list(self._pending), self._dropped
        self._pending.clear()
        self._dropped = 0
        return taken, dropped


class Hub:
    """Lives in the event loop; only `publish` and `wake` may be called from other threads."""

    def __init__(self) -> None:
        self.is_closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lines: dict[int, ClaimQueue] = {}
        self._readers: dict[int, set[Subscription]] = {}
        self._recovering: dict[int, set[Subscription]] = {}

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on news reach this loop."""
        self._loop = loop

    @contextmanager
    def waiting(self, workflow_id: int) -> Iterator[Waiter]:
        """A waiter that misses nothing from here on: enter before looking, then look, then wait."""
        line = self._lines.setdefault(workflow_id, ClaimQueue())
        waiter = line.join()
        try:
            yield waiter
        finally:
            line.leave(waiter)
            if not line:
                del self._lines[workflow_id]

    @contextmanager
    def reading(self, workflow_id: int, level: Severity) -> Iterator[Subscription]:
        """Every event of the workflow from here on that is at least as severe as `level`."""
        reader = Subscription(level)
        with _member(self._readers, workflow_id, reader):
            yield reader

    @contextmanager
    def recovering(self, workflow_id: int, reader: Subscription) -> Iterator[None]:
        """Meanwhile the reader counts as somebody who recovers the workflow."""
        with _member(self._recovering, workflow_id, reader):
            yield

    def count_recovering(self, workflow_id: int) -> int:
        """How many readers of the workflow's events are there to recover it; in the loop's thread."""
        return len(self._recovering.get(workflow_id, ()))

    def publish(self, events: Iterable[StreamEvent], *, wake: Iterable[int] = ()) -> None:
        """Hands events to the readers, and wakes the claims that wait on the workflows in `wake`."""
        events, wake = tuple(events), frozenset(wake)
        if self._loop is not None and not self.is_closing and (events or wake):
            self._loop.call_soon_threadsafe(self._deliver, events, wake)

    def close(self) -> None:
        """Ends every wait and every stream; in the loop's thread."""
        self.is_closing = True
        for line in self._lines.values():
            line.close()
        for reader in chain(*self._readers.values()):
            reader.wake()

    def _deliver(self, events: tuple[StreamEvent, ...], wake: frozenset[int]) -> None:
        for event in events:
            for reader in self._readers.get(event.workflow_id, ()):
                reader.offer(event)
        for workflow_id in wake:
            if line := self._lines.get(workflow_id):
                line.tell()


@contextmanager
def _member(groups: dict[int, set[Subscription]], key: int, member: Subscription) -> Iterator[None]:
    groups.setdefault(key, set()).add(member)
    try:
        yield
    finally:
        groups[key].discard(member)
        if not groups[key]:
            del groups[key]
