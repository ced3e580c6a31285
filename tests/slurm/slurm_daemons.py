"""Daemons of a test cluster: processes that end with pytest, however it ends."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Daemons live in sbin, which is not on every PATH."""


def await_that(condition: Callable[[], bool], what: str, *, timeout_s: float = 90.0) -> None:
    """Return when the condition holds. Raises TimeoutError naming what did not happen."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:g} seconds")
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Ports that are free; they are held until the block ends, so that they differ from each other."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        yield [each.getsockname()[1] for each in sockets]


@dataclass
class Daemon:
    """One process in the foreground. `is_node`: the init of a namespace, which takes everything in it along."""

    name: str
    process: "subprocess.Popen[bytes]"
    is_node: bool = False

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def pause(self) -> None:
        """Stop it: connections are accepted by the kernel and not answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """SIGTERM, then SIGKILL; a node is killed at once, as unshare blocks SIGTERM while it waits."""
        with suppress(ProcessLookupError):
            self.resume()
            self.process.send_signal(signal.SIGKILL if self.is_node else signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_daemon(
    name: str,
    words: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    is_node: bool = False,
    keep_open: tuple[int, ...] = (),
) -> Daemon:
    """Start a daemon that gets a signal when this process dies: a killed pytest leaves nothing behind."""
    tie = ["setpriv", "--pdeathsig", "KILL" if is_node else "TERM"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*tie, *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            env={"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", **environment},
            start_new_session=True,
            pass_fds=keep_open,
        )
    return Daemon(name, process, is_node)


def can_limit_memory() -> bool:
    """Return whether control groups of version 1 can be made here, by which Slurm ends processes over their memory."""
    groups = Path("/sys/fs/cgroup")
    probe = groups / "memory" / f"torc-test-{os.getpid()}"
    try:
        probe.mkdir()
        (probe / "memory.limit_in_bytes").write_text("67108864")
        return all((groups / kind / "release_agent").exists() for kind in ("memory", "freezer", "cpuset"))
    except OSError:
        return False
    finally:
        with suppress(OSError):
            probe.rmdir()
