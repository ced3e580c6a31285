"""The launcher for this machine: a small process of its own that starts and reaps the jobs."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

from runner.process import launcher_process
from runner.process.launcher import Delayed, Ended, LaunchEvent, Started, Unstartable
from torc_client.private_files import private
from torc_client.processes import RUNNER_VARIABLE, kill_tagged
from torc_core.errors import RunnerError

_EXIT_S: Final = launcher_process.ORPHANED_LEAD_S + 2 * launcher_process.LEFTOVER_S


class LocalLauncher:
    """The runner's side of the launcher process; see `Launcher`."""

    def __init__(
        self, env: Mapping[str, str], *, late_env: Mapping[str, str] = MappingProxyType({}), log: Path | None = None
    ) -> None:
        """Start the process; `env` is what every job inherits, `log` takes the process's own errors.

        `late_env` is given to every job besides, as it is when the job starts: what the runner learns from the server
        only once this process is registered with it.
        It shares no output with the runner: whoever reads the runner's output would wait for the launcher too. It
        reads no modules from the current folder or PYTHONPATH (-I), where a user's `queue.py` would stand in the way.
        """
        self._late_env = late_env
        self._tag = env.get(RUNNER_VARIABLE)
        ours, theirs = socket.socketpair()
        with theirs, open(log or os.devnull, "ab", opener=private) as errors:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-E", str(Path(launcher_process.__file__)), str(theirs.fileno())],
                    env=dict(env),
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise RunnerError(f"the launcher process could not be started: {error.strerror}") from error
        self._socket = ours
        self._incoming = bytearray()
        self._commands: list[launcher_process.Message] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    def footprint_bytes(self) -> int:
        """Return the most memory that the launcher process ever held; 0 when it is gone."""
        with suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0

    def fileno(self) -> int:
        return self._socket.fileno()

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
        """Queue `bash -c line` in a session of its own; sent by `flush`."""
        self._commands.append(("run", key, line, {**self._late_env, **env}, stdout, stderr, is_step))

    def stop(self, key: int, signum: int, *, lead_s: float) -> None:
        """Queue the signal for every process of the key, SIGKILL after the lead; sent by `flush`."""
        self._commands.append(("stop", key, int(signum), float(lead_s)))

    def flush(self) -> None:
        """Send what was queued, in order. Raises RunnerError when the launcher is gone."""
        if self._commands:
            commands, self._commands = self._commands, []
            try:
                self._socket.sendall(launcher_process.frame(commands))
            except OSError as error:
                raise self._gone() from error

    def events(self) -> list[LaunchEvent]:
        """Return what happened since the last call; wait for the first event."""
        try:
            data = self._socket.recv(1 << 20)
        except ConnectionResetError as error:
            raise self._gone() from error
        if not data:
            raise self._gone()
        self._incoming += data
        return [_as_event(message) for message in launcher_process.take_frames(self._incoming)]

    def close(self) -> None:
        """Close the socket: the process stops whatever still runs and ends. Return when it is gone."""
        self._socket.close()
        try:
            self._process.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill_remains(self) -> None:
        """Kill the processes of jobs that outlived the launcher: they bear the runner's tag in their environment."""
        if self._tag is not None:
            kill_tagged([self._tag])

    def _gone(self) -> RunnerError:
        return RunnerError(
            f"the runner's launcher process {self.pid} ended unexpectedly",
            hint="something outside killed it, perhaps for lack of memory; run the workflow again",
        )


def _as_event(message: launcher_process.Message) -> LaunchEvent:
    match message:
        case ("started", int(key), int(pid)):
            return Started(key, pid)
        case ("ended", int(key), int(exit_code), int(peak_kib), float(cpu_s), float(duration_s)):
            return Ended(key, exit_code, peak_kib * 1024, cpu_s, duration_s)
        case ("delayed", int(key), str(error)):
            return Delayed(key, error)
        case ("unstartable", int(key), str(error)):
            return Unstartable(key, error)
        case _:
            raise RunnerError(f"unknown message from the launcher: {message!r}")
