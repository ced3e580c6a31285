"""News inside this process: to claims that wait, and to the readers of event streams."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Final

from torc_core.api.events import StreamEvent
from torc_core.jobs.status import Severity
from torc_server.claim_queue import ClaimQueue, WaitingClaim

STREAM_BUFFER: Final = 512
"""Events kept for one reader who has not taken them; later ones are dropped and counted."""

_RANK: Final[dict[Severity, int]] = {"debug": 0, "info": 1, "warning": 2, "error": 3}


class Subscription:
    """One reader of a workflow's events. A reader that is too slow loses events, and learns how many."""

    def __init__(self, level: Severity) -> None:
        self._lowest = _RANK[level]
        self._pending: deque[StreamEvent] = deque()
        self._dropped = 0
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def wait(self, timeout_s: float) -> bool:
        """Return True when there are events to take or the server stops, False when the time is over."""
        try:
            await asyncio.wait_for(self._woken.wait(), timeout_s)
        except TimeoutError:
            return False
        self._woken.clear()
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
        """Return the events since the last call, and how many were dropped after them."""
        taken, dropped = list(self._pending), self._dropped
        self._pending.clear()
        self._dropped = 0
        return taken, dropped


class Hub:
    """Delivers news of workflows to those who wait for them.

    Lives in the event loop, without locks: only `publish` may be called from other threads.
    """

    def __init__(self) -> None:
        self.is_closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: dict[int, ClaimQueue] = {}
        self._readers: dict[int, set[Subscription]] = {}
        self._recovering: dict[int, set[Subscription]] = {}
        self._listener: Callable[[tuple[StreamEvent, ...]], None] | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver to waiters in this loop from now on."""
        self._loop = loop

    def listen(self, listener: Callable[[tuple[StreamEvent, ...]], None]) -> None:
        """Hand all later events of all workflows to the listener, in the thread that publishes them."""
        self._listener = listener

    @contextmanager
    def waiting(self, workflow_id: int) -> Iterator[WaitingClaim]:
        """Queue a claim. Enter first, then look for jobs, then wait: whatever changes after the look ends the wait."""
        queue = self._queues.setdefault(workflow_id, ClaimQueue())
        claim = queue.join()
        try:
            yield claim
        finally:
            queue.leave(claim)
            if not queue:
                del self._queues[workflow_id]

    @contextmanager
    def reading(self, workflow_id: int, level: Severity) -> Iterator[Subscription]:
        """Subscribe to every later event of the workflow that is at least as severe as `level`."""
        reader = Subscription(level)
        with _member(self._readers, workflow_id, reader):
            yield reader

    @contextmanager
    def recovering(self, workflow_id: int, reader: Subscription) -> Iterator[None]:
        """Count the reader among those who recover the workflow."""
        with _member(self._recovering, workflow_id, reader):
            yield

    def count_recovering(self, workflow_id: int) -> int:
        """Return how many readers of the workflow's events are there to recover it; in the loop's thread."""
        return len(self._recovering.get(workflow_id, ()))

    def publish(self, events: Iterable[StreamEvent], *, wake: Iterable[int] = ()) -> None:
        """Hand events to the readers, and wake the claims that wait on the workflows in `wake`; from any thread."""
        events, wake = tuple(events), frozenset(wake)
        if self._listener is not None and events:
            self._listener(events)
        if self._loop is not None and not self.is_closing and (events or wake):
            self._loop.call_soon_threadsafe(self._deliver, events, wake)

    def ask_readers(self) -> None:
        """Let every stream look whether its reader may still read; from any thread."""
        if self._loop is not None and not self.is_closing:
            self._loop.call_soon_threadsafe(self._wake_readers)

    def close(self) -> None:
        """End every wait and every stream; in the loop's thread."""
        self.is_closing = True
        for queue in self._queues.values():
            queue.close()
        self._wake_readers()

    def _wake_readers(self) -> None:
        for reader in chain(*self._readers.values()):
            reader.wake()

    def _deliver(self, events: tuple[StreamEvent, ...], wake: frozenset[int]) -> None:
        for event in events:
            for reader in self._readers.get(event.workflow_id, ()):
                reader.offer(event)
        for workflow_id in wake:
            if queue := self._queues.get(workflow_id):
                queue.note_change()


@contextmanager
def _member(groups: dict[int, set[Subscription]], key: int, member: Subscription) -> Iterator[None]:
    groups.setdefault(key, set()).add(member)
    try:
        yield
    finally:
        groups[key].discard(member)
        if not groups[key]:
            del groups[key]
