"""The runner's side of the launcher process: start it, tell it what to run, read what happened."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.process import launcher
from torc_core.errors import RunnerError

_EXIT_S: Final = launcher.ORPHANED_LEAD_S + 2 * launcher.LEFTOVER_S


@dataclass(frozen=True, slots=True)
class Started:
    key: int
    pid: int


@dataclass(frozen=True, slots=True)
class Unstartable:
    """The process could not be started; `error` is the system's word for why."""

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


LaunchEvent = Started | Unstartable | Ended


class LauncherClient:
    """Jobs are named by integer keys of the caller's choice; a key is used once.

    `fileno()` becomes readable when `events()` has something to say. When the launcher itself was killed,
    `events()` raises RunnerError.
    """

    def __init__(self, env: Mapping[str, str], *, log: Path | None = None) -> None:
        """Starts the process; `env` is what every job inherits, `log` takes what the process itself may say.

        It shares no output with the runner: who reads the runner's output would wait for the launcher too.
        """
        ours, theirs = socket.socketpair()
        with theirs, (log or Path(os.devnull)).open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-E", str(Path(launcher.__file__)), str(theirs.fileno())],
                env=dict(env),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        self._socket = ours
        self._incoming = bytearray()
        self._commands: list[launcher.Message] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    def footprint_bytes(self) -> int:
        """The most memory that the launcher itself ever held; 0 when it is gone."""
        with suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def run(self, key: int, line: str, *, env: Mapping[str, str], stdout: str | None, stderr: str | None) -> None:
        """Queues `bash -c line` in a session of its own; `env` holds only what differs. Sent by `flush`."""
        self._commands.append(("run", key, line, dict(env), stdout, stderr))

    def stop(self, key: int, signum: int, *, lead_s: float) -> None:
        """Queues the signal for every process of the job, SIGKILL after the lead. A job that ended is no error."""
        self._commands.append(("stop", key, int(signum), float(lead_s)))

    def flush(self) -> None:
        """Sends what was queued, in order. Raises RunnerError when the launcher is gone."""
        if self._commands:
            commands, self._commands = self._commands, []
            try:
                self._socket.sendall(launcher.frame(commands))
            except OSError as error:
                raise self._gone() from error

    def events(self) -> list[LaunchEvent]:
        """What happened since the last call; waits for the first event."""
        try:
            data = self._socket.recv(1 << 20)
        except ConnectionResetError as error:
            raise self._gone() from error
        if not data:
            raise self._gone()
        self._incoming += data
        return [_as_event(message) for message in launcher.take_frames(self._incoming)]

    def close(self) -> None:
        """Lets the process end: it stops whatever still runs. Returns when it is gone."""
        self._socket.close()
        try:
            self._process.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _gone(self) -> RunnerError:
        return RunnerError(
            f"the runner's launcher process {self.pid} ended unexpectedly",
            hint="something outside killed it, perhaps for lack of memory; run the workflow again",
        )


def _as_event(message: launcher.Message) -> LaunchEvent:
    match message:
        case ("started", int(key), int(pid)):
            return Started(key, pid)
        case ("ended", int(key), int(exit_code), int(peak_kib), float(cpu_s), float(duration_s)):
            return Ended(key, exit_code, peak_kib * 1024, cpu_s, duration_s)
        case ("unstartable", int(key), str(error)):
            return Unstartable(key, error)
        case _:
            raise RunnerError(f"unknown message from the launcher: {message!r}")
