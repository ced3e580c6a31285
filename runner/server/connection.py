"""The state of the connection: whether the server answers, as seen by the threads that talk to it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from torc_core.errors import ServerUnavailableError, ServerUnreachableError, TorcError

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """The server does not answer, or fails, since a moment of the connection's clock."""

    since: float
    error: TorcError

    @property
    def is_silence(self) -> bool:
        """Return whether no server answered. One that cannot work now does, and may serve other kinds of requests."""
        return isinstance(self.error, ServerUnreachableError) and not isinstance(self.error, ServerUnavailableError)


class Connection:
    """Records since when the server does not do what it is asked. Shared by threads; wakes the loop at every change."""

    def __init__(
        self, *, patience_s: float, wake: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience_s = patience_s
        self._wake = wake
        self._clock = clock
        # of two threads that note something at once, the second would otherwise undo what the first one noted
        self._lock = threading.Lock()
        self._troubles: dict[str, Trouble] = {}

    def answered(self, what: str) -> None:
        """Note an answer: it ends the trouble of this kind of request, and of all kinds that only found no server."""
        if not self._troubles:
            return
        with self._lock:
            self._troubles = {
                name: trouble for name, trouble in self._troubles.items() if name != what and not trouble.is_silence
            }
        self._wake()

    def failed(self, what: str, error: TorcError) -> None:
        """Note that a request of this kind was not answered or not fulfilled; it will be sent again."""
        with self._lock:
            known = self._troubles.get(what)
            trouble = Trouble(self._clock() if known is None else known.since, error)
            # replaced, never changed in place: readers take no lock and would see it change while they iterate
            self._troubles = {**self._troubles, what: trouble}
        if known is None:
            self._wake()

    @property
    def trouble(self) -> Trouble | None:
        """Return the oldest trouble that lasts; None while the server does what it is asked."""
        return min(self._troubles.values(), key=lambda trouble: trouble.since, default=None)

    @property
    def silent_s(self) -> float:
        """Return for how many seconds the trouble lasts; 0 while there is none."""
        trouble = self.trouble
        return 0.0 if trouble is None else max(self._clock() - trouble.since, 1e-6)

    @property
    def is_lost(self) -> bool:
        return self.silent_s > self.patience_s


def pause_after(failures: int) -> float:
    """Return the seconds to wait before the next try: doubling, at most five."""
    return min(_FIRST_PAUSE_S * 2.0 ** min(failures, 10), _LONGEST_PAUSE_S)
