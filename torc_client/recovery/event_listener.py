"""Wakes a watcher on events after which a workflow may have come to rest."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from torc_client.event_stream import stream_events
from torc_client.http import TorcClient
from torc_core.errors import TorcError

_WAKING: Final = frozenset(
    {"compute_node_started", "compute_node_stopped", "workflow_started", "workflow_reinitialized"}
)
"""Events after which a watcher looks; events of single jobs are left out, as there may be thousands."""

_STREAM_S: Final = 300.0
"""A connection that was cut without notice is opened anew after this time at the latest."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0


class EventListener:
    """Reads a workflow's events in a thread of its own, over a connection of its own.

    With `recovers` the server counts it as a watcher that recovers, for as long as it is connected.
    """

    def __init__(self, connect: Callable[[], TorcClient], workflow_id: int, *, recovers: bool) -> None:
        self._connect = connect
        self._workflow_id = workflow_id
        self._recovers = recovers
        self._came = threading.Event()
        self._closing = threading.Event()
        threading.Thread(target=self._read, name="event-listener", daemon=True).start()

    def wait(self, timeout_s: float) -> bool:
        """Return True after an event since the last call, False after `timeout_s`."""
        came = self._came.wait(timeout_s)
        if came:
            # only then: what comes between the end of the time and a clear would be lost
            self._came.clear()
        return came

    def close(self) -> None:
        """Let the thread end with its connection. It is a daemon thread and keeps no process alive."""
        self._closing.set()

    def _read(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._closing.is_set():
            began = time.monotonic()
            # ValueError: a frame that cannot be read. The thread goes on, or nobody would wake the watcher any more
            with suppress(TorcError, ValueError), self._connect() as client:
                self._follow(client)
            # Events between two connections were missed: let the watcher look.
            self._came.set()
            if time.monotonic() - began > _LONGEST_PAUSE_S:
                pause_s = _FIRST_PAUSE_S
            self._closing.wait(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _follow(self, client: TorcClient) -> None:
        for event in stream_events(client.transport, self._workflow_id, duration_s=_STREAM_S, recovers=self._recovers):
            if self._closing.is_set():
                return
            if event.event_type in _WAKING:
                self._came.set()
