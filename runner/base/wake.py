"""The pipe by which other threads, and signals to the runner, wake the loop."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Wake:
    """A pipe: `wake` from any thread, `fileno` for the selector. `signals` are those that came so far."""

    def __init__(self) -> None:
        self.signals: list[int] = []
        self.on_signal: Callable[[int], None] | None = None
        """Called in the signal handler."""
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)

    def fileno(self) -> int:
        return self._read_fd

    def wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._write_fd, b"x")

    def clear(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._read_fd, 1 << 16)

    def __del__(self) -> None:
        """Close the pipe with the last thread that may still write: a number used again would be another file."""
        os.close(self._read_fd)
        os.close(self._write_fd)

    @contextmanager
    def catching_signals(self) -> Iterator[None]:
        """Note SIGINT, SIGTERM and SIGHUP; the former handlers come back at the end.

        Outside the main thread nothing is installed: only there may Python handle signals.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(signum: int, _: FrameType | None) -> None:
            self.signals.append(signum)
            self.wake()
            if self.on_signal is not None:
                self.on_signal(signum)

        former = {signum: signal.getsignal(signum) for signum in _SIGNALS}
        # ignored ones stay ignored: nohup and background jobs of a shell rely on that
        caught = [signum for signum, handler in former.items() if handler is not signal.SIG_IGN]
        for signum in caught:
            signal.signal(signum, note)
        try:
            yield
        finally:
            for signum in caught:
                signal.signal(signum, former[signum])
