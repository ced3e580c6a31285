"""Runs an agent as a process whose whole tree ends with it."""

import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from torc_client.agents.output import AgentOutput

MARK: Final = "TORC_AGENT_MARK"
"""In the environment of everything that the agent starts, so that processes outside of its group are found, too."""

_CHUNK_BYTES: Final = 64 * 1024
_LAST_OUTPUT_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.05
_ROUNDS: Final = 40


@dataclass(frozen=True, kw_only=True)
class ProcessEnd:
    """How a process ended; `code` is negative after a signal. `timed_out`: it was ended because its time was over."""

    code: int
    timed_out: bool = False


def run_to_end(
    argv: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout_s: float,
    grace_s: float,
    output: AgentOutput,
) -> ProcessEnd:
    """Run the agent to its end, in a session of its own and without input. Raises OSError when it cannot be started.

    At its end, after `timeout_s`, and when this process gets a signal to end, everything that the agent started gets
    SIGTERM, and SIGKILL after `grace_s`.
    """
    mark = secrets.token_hex(8)
    with _signals_as_exits():
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env={**environment, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        reader = threading.Thread(target=_relay, args=(process, output), daemon=True)
        try:
            reader.start()
            timed_out = not _await_end(process.pid, timeout_s)
        finally:
            # Before `wait`: until then the kernel gives the group's number to no other process.
            _end_tree(process.pid, mark, grace_s)
            code = process.wait()
            reader.join(_LAST_OUTPUT_S)
            output.end()
    return ProcessEnd(code=code, timed_out=timed_out)


def _await_end(pid: int, timeout_s: float) -> bool:
    """Return whether the process ended in time. It stays a zombie until the caller waits for it."""
    ended = threading.Event()

    def look() -> None:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        ended.set()

    # in a thread, as waitid takes no time limit; a daemon, as it may outlive this call
    threading.Thread(target=look, daemon=True).start()
    return ended.wait(timeout_s)


def _end_tree(group: int, mark: str, grace_s: float) -> None:
    """End the group and everything with the mark. A second interrupt ends the grace period at once."""
    try:
        _signal_tree(group, mark, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while _living(group, mark) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_S)
    finally:
        _kill_tree(group, mark)


def _kill_tree(group: int, mark: str) -> None:
    for _ in range(_ROUNDS):
        # Again and again: a process may start another one between the look and the kill.
        if not _living(group, mark):
            return
        _signal_tree(group, mark, signal.SIGKILL)
        time.sleep(_LOOK_AGAIN_S)


def _signal_tree(group: int, mark: str, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)
    for pid in _living(group, mark):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signum)


def _living(group: int, mark: str) -> list[int]:
    """Return the processes of the group and others that carry the mark, zombies left out."""
    word = f"{MARK}={mark}".encode()
    return [pid for pid, pgrp in _processes() if pgrp == group or _carries(pid, word)]


def _processes() -> Iterator[tuple[int, int]]:
    """Yield id and group of every process that still runs."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, _, pgrp = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:3]
                if state not in "ZX":
                    yield int(entry.name), int(pgrp)


def _carries(pid: int, word: bytes) -> bool:
    try:
        return word in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _relay(process: "subprocess.Popen[bytes]", output: AgentOutput) -> None:
    stream = process.stdout
    with suppress(OSError, ValueError):
        while stream is not None and (chunk := os.read(stream.fileno(), _CHUNK_BYTES)):
            output.feed(chunk)


@contextmanager
def _signals_as_exits() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that the agent is ended before this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.signal(signum, _exit) for signum in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _exit(signum: int, _: FrameType | None) -> None:
    raise SystemExit(128 + signum)
