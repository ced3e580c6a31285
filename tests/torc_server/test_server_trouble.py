"""A server whose database is locked, full or damaged says so, and goes on when the trouble is over."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from helpers import ServerProcess
from services_bench import Bench, job

from torc_client.http import TorcClient
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import DatabaseInUseError, ServerFaultError, ServerUnavailableError
from torc_server.db import dialect
from torc_server.db.lock import DatabaseLock
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.job_records import list_jobs
from torc_server.services.records.paging import PageRequest

WORKFLOW = WorkflowModel(name="w", user="ann")


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_writes_to_a_locked_database_are_refused_with_the_cause_and_reads_go_on(
    server: ServerProcess, client: TorcClient
) -> None:
    created = client.workflows.create(WORKFLOW)
    assert created.id is not None

    def write(_: int) -> ServerUnavailableError:
        with server.client() as writer, pytest.raises(ServerUnavailableError) as refused:
            writer.workflows.create(WORKFLOW)
        return refused.value

    with _locked(server.database), ThreadPoolExecutor(8) as writers:
        refused = list(writers.map(write, range(8)))
        assert client.workflows.get(created.id).name == "w"
    assert all("another process has it locked" in error.message for error in refused)
    client.workflows.create(WORKFLOW)
    log = server.log()
    assert log.count("another process has it locked") == 8
    assert "Traceback" not in log


def test_the_answer_says_when_to_try_again(server: ServerProcess) -> None:
    with _locked(server.database):
        answer = httpx.post(
            f"{server.url}/workflows", json={"name": "w", "user": "ann"}, headers=server.headers, timeout=60
        )
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.headers["Retry-After"] == str(ServerUnavailableError.retry_after_s)
    assert answer.json()["error"]["code"] == "server_unavailable"


def test_a_full_disk_is_named_and_the_transaction_leaves_no_trace(tmp_path: Path) -> None:
    bench = Bench.at(tmp_path / "torc.db", checks=False)
    run = bench.workflow([job("a")])
    pages = bench.count("SELECT page_count FROM pragma_page_count")
    bench.write(UnitOfWork.rows, f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ServerUnavailableError, match="its disk is full"):
        bench.workflow([job(f"job-{number}") for number in range(5_000)])
    assert bench.count("SELECT COUNT(*) FROM workflow") == 1
    bench.write(UnitOfWork.rows, f"PRAGMA max_page_count = {pages * 100}")
    bench.workflow([job(f"job-{number}") for number in range(5_000)])
    assert run.claim() == ["a"]


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "torc.db"
    bench = Bench.at(path, checks=False)
    run = bench.workflow([job(f"job-{number}") for number in range(2_000)])
    bench.database.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 4)
        file.write(b"\xff" * (size // 2))
    with pytest.raises(ServerFaultError, match=r"torc\.db is damaged") as raised:
        bench.read(list_jobs, run.workflow_id, PageRequest(offset=0, limit=10_000))
    assert "torc-server check" in str(raised.value.hint)


def test_a_mistake_in_a_statement_is_no_trouble_of_the_database(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as raised, sqlite3.connect(":memory:") as connection:
        connection.execute("SELECT nothing FROM nowhere")
    assert dialect.trouble_of(raised.value, tmp_path) is None


def test_a_second_server_on_the_same_file_is_refused(server: ServerProcess) -> None:
    command = [sys.executable, "-m", "torc_server.main", "run", "--port", "0", "--database", str(server.database)]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stdout == ""
    assert f"is served by process {server.process.pid} on" in second.stderr
    assert f"port {server.port}" in second.stderr
    assert httpx.get(f"{server.url}/ping").status_code == HTTPStatus.OK


def test_the_lock_is_free_after_an_orderly_end_and_after_a_kill(server: ServerProcess) -> None:
    server.stop()
    lock = DatabaseLock.acquire(server.database, patience_s=0)
    with pytest.raises(DatabaseInUseError, match="another process"):
        DatabaseLock.acquire(server.database, patience_s=0)
    lock.close()
    server.start()
    server.kill()
    DatabaseLock.acquire(server.database, patience_s=0).close()
    assert not server.database.with_name("torc.db.lock").exists()
