"""How the server is doing, as seen by the threads that talk to it."""

import threading
import time
from collections.abc import Callable
from typing import Final

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0


class Link:
    """Counts how long the server has been silent. Shared by threads."""

    def __init__(self, *, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience_s = patience_s
        self._clock = clock
        self._lock = threading.Lock()
        self._silent_since: float | None = None

    def answered(self) -> None:
        with self._lock:
            self._silent_since = None

    def was_silent(self) -> None:
        with self._lock:
            if self._silent_since is None:
                self._silent_since = self._clock()

    @property
    def silent_s(self) -> float:
        """0 while it answers."""
        since = self._silent_since
        return 0.0 if since is None else max(self._clock() - since, 1e-6)

    @property
    def is_lost(self) -> bool:
        return self.silent_s > self.patience_s


def pause_after(failures: int) -> float:
    """Seconds to wait before the next try: doubling, at most five seconds."""
    return min(_FIRST_PAUSE_S * 2.0 ** min(failures, 10), _LONGEST_PAUSE_S)
