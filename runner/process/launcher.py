"""The port through which the runner starts processes, and the events that come back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Started:
    """The process of this key runs; `pid` as seen on the runner's machine."""

    key: int
    pid: int


@dataclass(frozen=True, slots=True)
class Delayed:
    """The system is short of something (processes, memory, file descriptors); the launcher tries again by itself."""

    key: int
    error: str


@dataclass(frozen=True, slots=True)
class Unstartable:
    """The process could not be started; `error` is the system's reason."""

    key: int
    error: str


@dataclass(frozen=True, slots=True)
class Ended:
    """`exit_code` -N: killed by signal N. `peak_memory_bytes`: the largest single process waited for, at least the
    launcher's own footprint."""

    key: int
    exit_code: int
    peak_memory_bytes: int
    cpu_time_s: float
    duration_s: float


LaunchEvent = Started | Delayed | Unstartable | Ended


class Launcher(Protocol):
    """Starts, stops and reaps the processes of jobs and scripts.

    Each process has an integer key of the caller's choice; a key is used once. The loop waits on `fileno()`, which
    becomes readable when `events()` has something to return, and sends commands in batches with `flush()`. All methods
    are called from the loop's thread, and none but `events` and `close` may wait.
    """

    @property
    def pid(self) -> int:
        """Return the process on the runner's machine that acts for the launcher; the runner's record names it."""

    def run(
        self,
        key: int,
        line: str,
        *,
        env: Mapping[str, str],
        stdout: str | None,
        stderr: str | None,
        is_step: bool = False,
    ) -> None:
        """Queue `bash -c line` in a session of its own; `env` holds only what differs between processes.

        `is_step`: the line becomes an srun, whose processes are elsewhere; SIGTERM has it kill them.
        """

    def stop(self, key: int, signum: int, *, lead_s: float) -> None:
        """Queue the signal for every process of the key, SIGKILL after the lead. A key that ended is no error.

        A step gets no signal before the lead is over: the scheduler signals its processes.
        """

    def flush(self) -> None:
        """Send what was queued, in order. Raises RunnerError when the launcher is gone."""

    def fileno(self) -> int:
        """Return the file descriptor to wait on."""

    def events(self) -> list[LaunchEvent]:
        """Return what happened since the last call; wait for the first event.

        Raises RunnerError when the launcher is gone: then the end of what it had started is unknown.
        """

    def footprint_bytes(self) -> int:
        """Return the most memory that the launcher itself ever held: no peak is measured below it. 0 if unknown."""

    def close(self) -> None:
        """Stop whatever still runs, and return when the launcher is gone."""

    def kill_remains(self) -> None:
        """Kill what a launcher that is gone left running, so that nothing runs on while it is started again."""
