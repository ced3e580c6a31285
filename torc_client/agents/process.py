"""Runs an agent as a process whose whole tree ends with it."""

import ctypes
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
from typing import Final, NamedTuple

from torc_client.agents.output import AgentOutput

MARK: Final = "TORC_AGENT_MARK"
"""In the environment of everything that the agent starts, so that processes outside of its group are found, too."""

_CHUNK_BYTES: Final = 64 * 1024
_LAST_OUTPUT_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.05
_ROUNDS: Final = 40
_PR_SET_CHILD_SUBREAPER: Final = 36


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
    with _signals_as_exits(), _adopting() as adopted:
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
            _end_tree(_Tree(process.pid, mark, adopted), grace_s)
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


class _Seen(NamedTuple):
    """One process that still runs."""

    pid: int
    parent: int
    group: int
    session: int


class _Tree:
    """All that the agent started: its group, what carries the mark, their descendants, and orphans adopted from it.

    `others` are the children that this process had before: they and what they start are none of the agent's.
    """

    def __init__(self, group: int, mark: str, others: frozenset[int]) -> None:
        self._group, self._others = group, others
        self._word = f"{MARK}={mark}".encode()

    def signal(self, signum: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, signum)
        for pid in self.living():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signum)

    def living(self) -> list[int]:
        """Return the processes of the tree, zombies left out."""
        seen = list(_processes())
        own, session = os.getpid(), os.getsid(0)
        found = {
            each.pid
            for each in seen
            if each.group == self._group
            # an orphan in a session of its own, which became a child of this process, whatever its environment
            or (each.parent == own and each.session != session and each.pid not in self._others)
            or _carries(each.pid, self._word)
        }
        found.discard(own)
        while more := {each.pid for each in seen if each.parent in found} - found:
            found |= more
        return sorted(found)


def _end_tree(tree: _Tree, grace_s: float) -> None:
    """End all of it. A second interrupt ends the grace period at once."""
    try:
        tree.signal(signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while tree.living() and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_S)
    finally:
        _kill_tree(tree)


def _kill_tree(tree: _Tree) -> None:
    for _ in range(_ROUNDS):
        # Again and again: a process may start another one between the look and the kill.
        if not tree.living():
            return
        tree.signal(signal.SIGKILL)
        time.sleep(_LOOK_AGAIN_S)


@contextmanager
def _adopting() -> Iterator[frozenset[int]]:
    """Make orphans below this process its children in this block; yield the children that it has before.

    An agent's process that left its group and cleared its environment is found by that alone.
    """
    own = os.getpid()
    before = frozenset(each.pid for each in _processes() if each.parent == own)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield before
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        _reap(before)


def _reap(before: frozenset[int]) -> None:
    """Wait for adopted processes that have ended: nobody else does. Other children are left to who started them."""
    own, session = os.getpid(), os.getsid(0)
    for each in _processes(with_zombies=True):
        if each.parent == own and each.session != session and each.pid not in before:
            with suppress(ChildProcessError):
                os.waitpid(each.pid, os.WNOHANG)


def _processes(*, with_zombies: bool = False) -> Iterator[_Seen]:
    """Yield every process that still runs."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if with_zombies or fields[0] not in "ZX":
                    yield _Seen(int(entry.name), *map(int, fields[1:4]))


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
