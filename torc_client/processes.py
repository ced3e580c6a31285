"""Processes of this machine: their identity, and those that a dead runner left running."""

import os
import select
import signal
import socket
import time
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from torc_core.errors import RunnerError
from torc_core.processes import DeadRunner, HostFacts, ProcessIdentity

RUNNER_VARIABLE: Final = "TORC_RUNNER"
"""Environment variable of a job's processes: the runner's tag, by which they are found after their parents ended."""
LAUNCHER_ENDING_S: Final = 7.0
"""A launcher whose runner died has ended the jobs and itself after this time."""
_PROC: Final = Path("/proc")
_STATE_FIELD: Final = 0
_START_FIELD: Final = 19
"""Places in /proc/<pid>/stat behind the command name, which may itself hold blanks and brackets."""
_DEAD_STATES: Final = frozenset("ZXx")


def host_facts() -> HostFacts:
    """Return what identifies this machine since its last boot. Raises RunnerError without /proc."""
    try:
        boot_seconds = next(
            int(line.split()[1]) for line in (_PROC / "stat").read_text().splitlines() if line.startswith("btime ")
        )
        return HostFacts(
            hostname=socket.gethostname(),
            boot_id=(_PROC / "sys/kernel/random/boot_id").read_text().strip(),
            booted_at=datetime.fromtimestamp(boot_seconds, tz=UTC),
            pid_namespace=str((_PROC / "self/ns/pid").readlink()),
        )
    except (OSError, StopIteration) as error:
        raise RunnerError(f"cannot tell this machine's identity from {_PROC}: {error}") from error


def process_identity(pid: int, *, host: HostFacts | None = None) -> ProcessIdentity | None:
    """Return the identity of the process with this pid; None for one that has ended or is a zombie.

    `host` is the result of `host_facts`, to read it once for many processes.
    """
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[_STATE_FIELD] in _DEAD_STATES:
        return None
    host = host or host_facts()
    return ProcessIdentity(
        pid=pid, boot_id=host.boot_id, start_ticks=int(fields[_START_FIELD]), pid_namespace=host.pid_namespace
    )


def end_leftover_processes(runners: Collection[DeadRunner]) -> None:
    """Wait until everything that these runners started has ended.

    Launchers end the jobs by themselves; what is left because a launcher was killed, too, is killed here.
    """
    deadline = time.monotonic() + LAUNCHER_ENDING_S
    for runner in runners:
        if runner.launcher_pid is not None:
            _await_end(runner.launcher_pid, runner.launcher_start_ticks, deadline)
    if runners:
        kill_tagged({runner.tag for runner in runners})


def kill_tagged(tags: Collection[str]) -> None:
    """Send SIGKILL to every process of this user that carries one of the tags."""
    marks = [f"\0{RUNNER_VARIABLE}={name}\0".encode() for name in tags]
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                _kill_if_marked(int(entry.name), marks)


def _kill_if_marked(pid: int, marks: Collection[bytes]) -> None:
    """Kill the process if it carries one of the marks."""
    # The handle comes first: between a look at the pid and a kill, the pid may go to another process.
    handle = os.pidfd_open(pid)
    try:
        environment = b"\0" + (_PROC / str(pid) / "environ").read_bytes() + b"\0"
        if any(mark in environment for mark in marks):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    finally:
        os.close(handle)


def _await_end(pid: int, start_ticks: int | None, deadline: float) -> None:
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            process = process_identity(pid)
            if process is not None and process.start_ticks == start_ticks:
                select.select([handle], [], [], max(0.0, deadline - time.monotonic()))
        finally:
            os.close(handle)
