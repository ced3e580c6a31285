"""Threads that the loop depends on."""

import threading
from collections.abc import Callable

from torc_core.errors import RunnerError


class LoopThread:
    """A daemon thread that works until it is asked to end.

    `may_end` returns whether it was asked. An end by an exception, and an end that nobody asked for, is kept in
    `error` and wakes the loop: otherwise the loop would wait for ever for what the thread no longer does.
    """

    def __init__(
        self, name: str, work: Callable[[], None], *, wake: Callable[[], None], may_end: Callable[[], bool]
    ) -> None:
        self.name = name
        self.error: BaseException | None = None
        self._work = work
        self._wake = wake
        self._may_end = may_end
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for its end, but no longer than this."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error
            self._wake()
            raise
        if not self._may_end():
            self.error = RunnerError(f"the thread {self.name!r} ended although nothing asked it to")
            self._wake()
