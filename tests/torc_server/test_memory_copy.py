"""A server whose database is in memory writes it to its file at intervals and at the end."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from helpers import ServerProcess, wait_until

from torc_client.http import TorcClient
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import RunnerError
from torc_server.db.memory import MEMORY, MemoryCopy

pytestmark = pytest.mark.skipif(not MEMORY.is_dir(), reason=f"this machine has no {MEMORY}")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "torc.db"
    yield path
    shutil.rmtree(MemoryCopy(path).path.parent, ignore_errors=True)


@contextmanager
def stopping(server: ServerProcess) -> Iterator[ServerProcess]:
    """The server, which is stopped in order at the end."""
    yield server
    assert server.stop(timeout_s=60) == 0


def serve(database: Path, *options: str) -> ServerProcess:
    return ServerProcess(database=database, arguments=("--in-memory", *options)).start()


def add(client: TorcClient, name: str) -> None:
    client.workflows.create(WorkflowModel(name=name, user="tester"))


def names(database: Path) -> list[str]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return [row[0] for row in connection.execute("SELECT name FROM workflow ORDER BY id")]
        except sqlite3.OperationalError:  # no snapshot yet
            return []


def test_the_file_is_written_when_the_server_is_stopped(database: Path) -> None:
    with stopping(serve(database)) as server, server.client() as client:
        add(client, "first")
        assert names(database) == []
    assert names(database) == ["first"]
    assert not MemoryCopy(database).path.parent.exists()
    assert (
        subprocess.run([sys.executable, "-m", "torc_server.main", "check", "-d", database], check=False).returncode == 0
    )


def test_the_next_server_goes_on_from_the_file(database: Path) -> None:
    for name in ("first", "second"):
        with stopping(serve(database)) as server, server.client() as client:
            add(client, name)
    assert names(database) == ["first", "second"]
    with stopping(ServerProcess(database=database).start()) as server, server.client() as client:
        add(client, "third")
    assert names(database) == ["first", "second", "third"]


def test_the_file_is_written_at_intervals(database: Path) -> None:
    with stopping(serve(database, "--snapshot-interval-seconds", "1")) as server, server.client() as client:
        add(client, "first")
        wait_until(lambda: names(database) == ["first"], "a snapshot is written")
        add(client, "second")
        wait_until(lambda: names(database) == ["first", "second"], "the next one is written")


def test_what_a_killed_server_left_is_gone_on_with_and_not_forgotten(database: Path) -> None:
    server = serve(database)
    with server.client() as client:
        add(client, "first")
    server.kill()
    with pytest.raises(RunnerError, match="left newer records"):
        MemoryCopy.refuse_to_forget(database)
    with stopping(serve(database)) as server, server.client() as client:
        assert [workflow.name for workflow in client.workflows.list_all()] == ["first"]


def test_a_file_that_changed_since_is_not_overwritten(database: Path) -> None:
    server = serve(database)
    with server.client() as client:
        add(client, "first")
    server.kill()
    sqlite3.connect(database).close()
    database.write_bytes(b"")
    with pytest.raises(RunnerError, match="has changed since"):
        MemoryCopy.open(database)


def test_an_interval_without_memory_is_refused(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "torc_server.main", "--snapshot-interval-seconds", "5", "-d", str(tmp_path / "x.db")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--in-memory" in done.stderr
