"""Watch a runner: warn when reports, starts or the loop itself stall, end it when it ignores a signal."""

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from torc_client.private_files import private

STALLED_AFTER_S: Final = 60.0
FIRST_SIGNAL_GRACE_S: Final = 30.0
"""After the lead of the running jobs, for their ends to be reaped and reported."""
SECOND_SIGNAL_GRACE_S: Final = 10.0
KEEPING_S: Final = 10.0
"""For what is undelivered to be kept: a disk that does not answer must not keep the process alive."""
_UNCLEAN_EXIT: Final = 128


class StallWatch:
    """Notices, once for each stall, that something due does not move. For the loop's thread."""

    def __init__(self, stalled_s: Callable[[], float], message: str, *, after_s: float = STALLED_AFTER_S) -> None:
        """Watch `stalled_s`, which returns for how many seconds something due has not moved; 0 while nothing is due.

        `message` holds `{seconds}`.
        """
        self._stalled_s = stalled_s
        self._message = message
        self._after_s = after_s
        self._is_reported = False

    def look(self) -> str | None:
        """Return a message for the user, once until something moves again."""
        stalled_s = self._stalled_s()
        if stalled_s < self._after_s:
            self._is_reported = False
            return None
        if self._is_reported:
            return None
        self._is_reported = True
        return self._message.format(seconds=f"{stalled_s:.0f} s")

    def next_look(self) -> float | None:
        """Return when to look again, on the monotonic clock; None while nothing is due or the stall is reported."""
        stalled_s = self._stalled_s()
        return time.monotonic() + max(1.0, self._after_s - stalled_s) if stalled_s and not self._is_reported else None


class LoopWatch:
    """Notices, in a thread of its own, that a step of the loop does not end, and prints it.

    The loop cannot: it waits for a disk, or for a launcher that reads no commands. The message goes to the standard
    error first, as the disk of the log may be what is waited for.
    """

    def __init__(self, log: Path, *, after_s: float = STALLED_AFTER_S) -> None:
        """After `after_s` the stacks of all threads are appended to `log`."""
        self._log = log
        self._after_s = after_s
        self._busy_since: float | None = None
        """Written by the loop alone, and read once in each look: no lock is needed."""
        self._reported: float | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)
        self._thread.start()

    def begin_step(self) -> None:
        self._busy_since = time.monotonic()

    def end_step(self) -> None:
        self._busy_since = None

    def close(self) -> None:
        self._closing.set()

    def _watch(self) -> None:
        while not self._closing.wait(self._after_s / 4):
            since = self._busy_since
            if since is None or since == self._reported or time.monotonic() - since < self._after_s:
                continue
            self._reported = since
            sys.stderr.write(
                f"torc: the runner's loop has not moved for {time.monotonic() - since:.0f} s: it waits for its "
                f"launcher process or for a disk; what its threads do is in {self._log}\n"
            )
            sys.stderr.flush()
            with suppress(OSError):
                write_stacks(self._log)


class ExitGuard:
    """Ends the process when the loop does not, some time after a signal asked for it.

    The loop itself obeys signals. This is for a loop that cannot: it waits for a launcher that hangs, for a job that
    even SIGKILL does not end, or for a thread that is stuck. The first signal gives it the lead of the running jobs
    and `FIRST_SIGNAL_GRACE_S` more, the second one `SECOND_SIGNAL_GRACE_S`.
    """

    def __init__(
        self,
        *,
        lead_s: float,
        log: Path,
        before_exit: Callable[[], None],
        first_grace_s: float = FIRST_SIGNAL_GRACE_S,
        second_grace_s: float = SECOND_SIGNAL_GRACE_S,
        keeping_s: float = KEEPING_S,
    ) -> None:
        """Keep undelivered results by `before_exit`, for `keeping_s` at most; `log` gets the stacks of all threads."""
        self._graces_s = (lead_s + first_grace_s, second_grace_s)
        self._log = log
        self._before_exit = before_exit
        self._keeping_s = keeping_s
        self._timers: list[threading.Timer] = []

    def note_signal(self, signum: int) -> None:
        """Start the timer of this signal.

        Called in the signal handler, which runs even while the main thread waits in a system call.
        """
        if len(self._timers) < len(self._graces_s):
            timer = threading.Timer(self._graces_s[len(self._timers)], self._end, [signum])
            timer.daemon = True
            self._timers.append(timer)
            # RuntimeError: no thread can be started; raised here it would hit the loop wherever it is just now
            with suppress(RuntimeError):
                timer.start()

    def disarm(self) -> None:
        """Cancel the timers: the loop has ended by itself."""
        for timer in self._timers:
            timer.cancel()

    def _end(self, signum: int) -> None:
        # runs in a timer's thread while the main thread may be stuck: it must not wait for that thread nor, beyond a
        # bound, for a disk or a lock, and no error may keep the exit from coming
        try:
            keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
            keeper.start()
            keeper.join(self._keeping_s)
            sys.stderr.write(
                f"torc: {signal.Signals(signum).name}: the runner did not end in time and is ended now; "
                f"what its threads did is in {self._log}\n"
            )
            sys.stderr.flush()
        finally:
            os._exit(_UNCLEAN_EXIT + signum)

    def _keep(self) -> None:
        with suppress(Exception):
            self._before_exit()
        with suppress(OSError):
            write_stacks(self._log)


def write_stacks(path: Path) -> None:
    """Append the stacks of all threads of this process to a file. Raises OSError."""
    with open(path, "a", encoding="utf-8", opener=private) as file:
        faulthandler.dump_traceback(file, all_threads=True)
