"""A real server and real runners, to be killed at any moment."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from torc_client.credentials import Credentials, token_of_database
from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core import API_PREFIX
from torc_core.credentials import TOKEN_VARIABLE

_PROGRESS_CHECK_S: Final = 5.0
_WAIT_FOR_SERVER_S: Final = 60
"""A server that was killed takes longer to start on a busy machine than a user would wait."""
_CLIENT_PATIENCE_S: Final = 300.0
"""Beside busy loops and other rounds an answer takes long; only a server that is gone may end a round."""


@dataclass
class Server:
    """`torc-server run` over one database file; the port stays the same over restarts."""

    folder: Path
    database: Path | None = None
    port: int = 0
    process: "subprocess.Popen[str] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{API_PREFIX}"

    @property
    def database_file(self) -> Path:
        return self.database or self.folder / "torc.db"

    def start(self) -> None:
        """Return when it listens. Raises RuntimeError when it does not."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "torc_server.main", "run"),
                    *("--port", str(self.port), "--database", str(self.database_file)),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        output: IO[str] | None = self.process.stdout
        line = output.readline() if output is not None else ""
        name, _, port = line.strip().partition("=")
        if name != "TORC_SERVER_PORT":
            raise RuntimeError(f"the server did not start: {line!r}; see {self.folder / 'server.log'}")
        self.port = int(port)

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    def client(self, *, patience_s: float = _CLIENT_PATIENCE_S) -> TorcClient:
        return TorcClient(Transport(self.url, credentials=Credentials(token=self.token), patience_s=patience_s))

    @property
    def token(self) -> str:
        """Return what the server made for its user."""
        return token_of_database(self.database_file) or ""


@dataclass
class Runner:
    """`torc run ID`, or `torc run FILE`, in a process of its own."""

    url: str
    token: str
    """Passed on, as the address may be that of a proxy, for which nobody has a token file."""
    workflow: int | Path
    folder: Path
    quiet_s: float = 120.0
    """How long nothing may happen: no attempt begins or ends, no action runs, and it does not end."""
    process: "subprocess.Popen[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        with (self.folder / "runner.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "torc_cli.main", "--url", self.url, "run", str(self.workflow)),
                    *("-o", str(self.folder / "output"), "--num-cpus", "4", "--memory-gb", "4"),
                    *("--poll-interval", "1", "--max-parallel-jobs", "6"),
                    *("--wait-for-server", str(_WAIT_FOR_SERVER_S)),
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env={**os.environ, TOKEN_VARIABLE: self.token},
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def kill(self) -> None:
        """End it at once; its launcher ends the jobs."""
        self.process.kill()
        self.process.wait()

    def kill_launcher(self) -> bool:
        """End the process that starts the jobs, if it is there."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            pids = [int(word) for word in children.read_text().split()]
            launchers = [pid for pid in pids if b"launcher.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            for pid in launchers:
                os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            return False
        return bool(launchers)

    def wait(self) -> int:
        """Return its exit code. Raises RuntimeError when it hangs: nothing has happened for `quiet_s`.

        The time of the whole run proves nothing: on a busy machine it is long.
        """
        last, last_at = progress_of(self.folder), time.monotonic()
        while True:
            try:
                return self.process.wait(_PROGRESS_CHECK_S)
            except subprocess.TimeoutExpired:
                now = progress_of(self.folder)
            if now != last:
                last, last_at = now, time.monotonic()
            elif time.monotonic() - last_at > self.quiet_s:
                threads = _threads(self.process.pid)
                self.kill()
                raise RuntimeError(
                    f"the runner hangs: nothing has happened for {self.quiet_s:.0f} s; "
                    f"its threads: {threads}; see {self.folder / 'runner.log'}"
                )


def progress_of(folder: Path) -> int:
    """Return a number that grows with each attempt that begins or ends, and with each action that runs."""
    return sum(file.stat().st_size for name in ("records", "actions") for file in (folder / name).glob("*"))


def _threads(pid: int) -> str:
    """Return name and state of each thread of a process, and the place in the kernel where it waits."""
    found: list[str] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError, IndexError):
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
            found.append(f"{(task / 'comm').read_text().strip()} {state} {(task / 'wchan').read_text()}")
    return ", ".join(found)
