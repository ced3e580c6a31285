"""A thread that shows the server that this runner lives, and learns when the server counts it as gone."""

import threading
from collections.abc import Callable
from typing import Final

from runner.base.threads import LoopThread
from torc_client.http import TorcClient
from torc_core.errors import NotFoundError, ServerFaultError, ServerUnreachableError, StateConflictError, TorcError

_AGAIN_S: Final = 5.0


class HeartbeatThread:
    """Sends a heartbeat at once and then in each interval; sooner again when the server was away.

    `end` is set, and the loop woken, when the server counts this runner as gone: others may run its jobs from then
    on.
    """

    def __init__(
        self, client: TorcClient, compute_node_id: int, *, wake: Callable[[], None], interval_s: float
    ) -> None:
        self._client = client
        self._compute_node_id = compute_node_id
        self._wake = wake
        self._interval_s = interval_s
        self._closing = threading.Event()
        self.end: TorcError | None = None
        self.thread = LoopThread(
            "heartbeat", self._work, wake=wake, may_end=lambda: self._closing.is_set() or self.end is not None
        )

    def close(self) -> None:
        """Ask the thread to end; do not wait for a request under way."""
        self._closing.set()

    def _work(self) -> None:
        pause_s = 0.0
        while not self._closing.wait(pause_s):
            pause_s = self._interval_s
            try:
                self._client.heartbeat(self._compute_node_id)
            except (StateConflictError, NotFoundError) as error:
                self.end = error
                self._wake()
                return
            except (ServerUnreachableError, ServerFaultError):
                pause_s = min(self._interval_s, _AGAIN_S)
            except TorcError:
                # any other refusal reaches the claim threads too, and ends the run there
                continue
