"""Threads that the loop depends on."""

import threading
from collections.abc import Callable


class Worker:
    """A daemon thread. When its work ends by an error, `error` holds it and the loop is woken: nobody waits in vain."""

    def __init__(self, name: str, work: Callable[[], None], *, wake: Callable[[], None]) -> None:
        self.name = name
        self.error: BaseException | None = None
        self._work = work
        self._wake = wake
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Waits for its end, but not longer."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error
            self._wake()
            raise
