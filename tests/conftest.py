"""Fixtures of every package: a real server process, and a client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ServerProcess

from torc_client.http import TorcClient


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of this test's own, over an empty database."""
    process = ServerProcess(database=tmp_path / "server" / "torc.db")
    process.database.parent.mkdir()
    process.start()
    yield process
    process.stop()


@pytest.fixture
def client(server: ServerProcess) -> Iterator[TorcClient]:
    with server.client() as client:
        yield client
