"""Fixtures of every package: a real server process, and a client of it."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ServerProcess
from hypothesis import HealthCheck, settings

from torc_client.http import TorcClient

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has them ignore Ctrl-C, and so would every process they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# An example may take as long as it does: the machine may be busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Tokens of servers under test do not go where the user who runs the tests keeps theirs.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="torc-state-")
for _name in ("TORC_API_TOKEN", "TORC_PASSWORD"):
    os.environ.pop(_name, None)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of this test's own, over an empty database."""
    yield from _running_server(tmp_path / "server")


@pytest.fixture
def client(server: ServerProcess) -> Iterator[TorcClient]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests that only need workflows of their own; do not stop it."""
    yield from _running_server(tmp_path_factory.mktemp("shared") / "server")


@pytest.fixture(scope="session")
def shared_client(shared_server: ServerProcess) -> Iterator[TorcClient]:
    with shared_server.client() as client:
        yield client


def _running_server(folder: Path) -> Iterator[ServerProcess]:
    folder.mkdir()
    process = ServerProcess(database=folder / "torc.db").start()
    yield process
    process.stop()
