"""The pipe by which other threads, and signals to the runner, wake the loop."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

DRAIN = signal.SIGUSR2
"""Asks for no more jobs: Slurm sends it some time before an allocation ends, where the submission asked for that."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, DRAIN)


class Wake:
    """A pipe: `wake` from any thread, `fileno` for the selector.

    `signals` are those to end that came so far; `must_drain` whether one came that only asks for no more jobs.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []
        self.must_drain = False
        self.on_signal: Callable[[int], None] | None = None
        """Called in the signal handler of a signal to end."""
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
        """Note SIGINT, SIGTERM, SIGHUP and SIGUSR2; the former handlers come back at the end.

        Outside the main thread nothing is installed: only there may Python handle signals.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(signum: int, _: FrameType | None) -> None:
            if signum == DRAIN:
                self.must_drain = True
                self.wake()
                return
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
