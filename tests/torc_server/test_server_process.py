"""The server as a process: start, port, stop, restart, and what it says when it cannot serve."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from helpers import ServerProcess, make_workflow

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.errors import TorcError
from torc_server.main import main
from torc_server.settings import find_database

_COMMAND = [sys.executable, "-m", "torc_server.main"]


def _exit_code(*arguments: str) -> int:
    """Of a server that ends before it serves."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_client_reaches_a_server_that_picked_its_own_port(
    shared_server: ServerProcess, shared_client: TorcClient
) -> None:
    assert shared_server.port > 0
    assert shared_client.ping().status == "ok"
    assert shared_client.version().api_version == "0.35.0"


def test_the_log_of_a_new_database_begins_with_what_matters(server: ServerProcess, client: TorcClient) -> None:
    client.ping()
    assert "alembic" not in server.log()


def test_what_was_answered_survives_a_kill(server: ServerProcess, client: TorcClient) -> None:
    workflow_id, job_ids = make_workflow(client, JobDraft(name="a", command="true"))
    server.kill()
    server.start()
    assert client.claim_next_jobs(workflow_id, limit=5).jobs[0].id == job_ids[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_at_once_although_streams_and_claims_are_open(
    server: ServerProcess, client: TorcClient, number: signal.Signals
) -> None:
    workflow_id, _ = make_workflow(client, JobDraft(name="a", command="true"))
    client.claim_next_jobs(workflow_id, limit=1)
    with (
        ThreadPoolExecutor(1) as pool,
        server.client() as waiting,
        httpx.Client(headers=server.headers, trust_env=False) as reading,
    ):
        claim = pool.submit(waiting.claim_next_jobs, workflow_id, limit=1, wait_s=30.0)
        with reading.stream("GET", f"{server.url}/workflows/{workflow_id}/events/stream") as stream:
            lines = stream.iter_lines()
            next(lines)
            server.process.send_signal(number)
            assert server.process.wait(timeout=10) == 0
            assert "".join(lines) == ""
        try:
            assert claim.result(timeout=10).jobs == []
        except TorcError as error:
            assert error.code == "server_unreachable"  # the signal was faster than the claim


def test_the_end_of_stdin_stops_a_server_that_was_asked_to_listen_to_it(tmp_path: Path) -> None:
    arguments = ["--port", "0", "--database", str(tmp_path / "torc.db"), "--shutdown-on-stdin-eof"]
    with subprocess.Popen([*_COMMAND, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith("TORC_SERVER_PORT=")
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_a_port_in_use_is_an_error_that_names_it(
    shared_server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code("--port", str(shared_server.port), "--database", str(tmp_path / "second.db")) == 1
    printed = capsys.readouterr()
    assert f"cannot listen on 127.0.0.1 port {shared_server.port}" in printed.err
    assert printed.out == ""


def test_a_database_in_a_folder_that_does_not_exist_is_an_error_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "missing" / "torc.db"
    assert _exit_code("--port", "0", "--database", str(database)) == 1
    assert f"cannot use {database} as a database" in capsys.readouterr().err


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir or Madam, " * 100)
    assert _exit_code("--port", "0", "--database", str(letter)) == 1
    assert f"cannot use {letter} as a database" in capsys.readouterr().err
    assert letter.read_text() == "Dear Sir or Madam, " * 100


def test_a_database_of_a_newer_server_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = tmp_path / "newer.db"
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    before = newer.read_bytes()
    assert _exit_code("--port", "0", "--database", str(newer)) == 1
    printed = capsys.readouterr().err
    assert f"{newer} was written by a newer server" in printed
    assert "Traceback" not in printed
    assert newer.read_bytes() == before


@pytest.mark.parametrize(
    "arguments", [["--port", "70000"], ["--port", "x"], ["--public-url", "javascript:x"], ["--nonsense"], ["walk"]]
)
def test_a_wrong_call_is_a_usage_error(arguments: list[str]) -> None:
    assert _exit_code(*arguments) == 2


def test_a_database_of_another_kind_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TORC_DATABASE", raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgres://host/db")
    assert _exit_code("--port", "0") == 2
    assert "only SQLite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "environment", "expected"),
    [
        ("c.db", {"TORC_DATABASE": "a.db"}, "c.db"),
        (None, {"TORC_DATABASE": "a.db", "DATABASE_URL": "sqlite:b.db"}, "a.db"),
        (None, {"DATABASE_URL": "sqlite:b.db"}, "b.db"),
        (None, {"DATABASE_URL": "sqlite:///data/b.db?mode=rwc"}, "/data/b.db"),
        (None, {}, "torc.db"),
    ],
)
def test_the_database_is_named_by_the_flag_or_the_environment_or_is_in_the_current_folder(
    flag: str | None, environment: dict[str, str], expected: str
) -> None:
    assert find_database(flag, environment)[0] == Path(expected)


def test_a_server_that_is_given_no_database_says_which_one_it_takes(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in {"TORC_DATABASE", "DATABASE_URL"}}
    with subprocess.Popen(
        [*_COMMAND, "run", "--port", "0"],
        cwd=tmp_path,
        env={**clean, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("TORC_SERVER_PORT=")
        process.terminate()
        assert str(tmp_path / "torc.db") in process.stderr.readline()
        process.wait(timeout=10)
    assert (tmp_path / "torc.db").exists()


def test_the_help_says_that_only_this_machine_is_served_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code("--help") == 0
    help_text = capsys.readouterr().out
    assert "127.0.0.1" in help_text
    assert "completion-check-interval-secs" in help_text
    assert "stdin" not in help_text
