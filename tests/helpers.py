"""What tests of every package share."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self, TypeVar

from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core import API_PREFIX

T = TypeVar("T")

_PAUSE_S = 0.01
_SERVER = (sys.executable, "-m", "torc_server.main", "run")


def wait_until(predicate: Callable[[], T], description: str, *, timeout_s: float = 10.0) -> T:
    """The first true value of `predicate`; fails with the description when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout_s} s still not: {description}")
        time.sleep(_PAUSE_S)
    return value


@dataclass
class ServerProcess:
    """A real `torc-server` on loopback over its own database file."""

    database: Path
    arguments: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def start(self) -> Self:
        """Returns when it listens; the port stays the same over restarts."""
        self.log_path = self.database.with_suffix(".server.log")
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*_SERVER, "--port", str(self.port), "--database", str(self.database), *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **self.environment},
            )
        self.port = self._announced_port()
        return self

    def _announced_port(self) -> int:
        line = self.stdout.readline()
        name, _, port = line.strip().partition("=")
        assert name == "TORC_SERVER_PORT", f"the server said {line!r} first; its log:\n{self.log()}"
        return int(port)

    @property
    def stdout(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def root_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What a client is given: the address with the base path."""
        return f"{self.root_url}{API_PREFIX}"

    def log(self) -> str:
        return self.log_path.read_text()

    def client(self, *, patience_s: float = 0.0) -> TorcClient:
        return TorcClient(Transport(self.url, patience_s=patience_s))

    def stop(self, *, timeout_s: float = 10.0) -> int:
        """SIGTERM, then the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self._reap(timeout_s)

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.process.send_signal(signal.SIGKILL)
        self._reap(10.0)

    def _reap(self, timeout_s: float) -> int:
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.stdout.close()
        return code
