"""A server as a service: its unit, its process id, its log, and a database to hand to others."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from helpers import ServerProcess
from services_bench import Bench, job

from torc_core.errors import InvalidInputError
from torc_server.export import keep_chosen
from torc_server.service_unit import service_unit


def torc_server(folder: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "torc_server.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_the_unit_runs_the_server_with_the_options_in_the_folder(tmp_path: Path) -> None:
    done = torc_server(tmp_path, "service", "--port", "9000", "--database", "my torc.db")
    assert done.returncode == 0
    assert f"WorkingDirectory={tmp_path}\n" in done.stdout
    assert '-m torc_server.main run --port 9000 --database "my torc.db"\n' in done.stdout
    assert "User=" not in done.stdout
    assert "systemctl --user enable --now torc-server" in done.stderr


def test_the_unit_escapes_what_systemd_would_fill_in(tmp_path: Path) -> None:
    text = service_unit(["--database", "50%$HOME.db"], folder=Path("/srv/a%b"), is_system=True, user="torc")
    assert "WorkingDirectory=/srv/a%%b\n" in text
    assert "--database 50%%$$HOME.db\n" in text
    assert "User=torc\n" in text
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze to check the unit")
    unit = tmp_path / "torc-server.service"
    unit.write_text(text.replace("/srv/a%%b", "/"))
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "torc-server.service:" not in checked.stderr.replace("User torc", "")


def test_options_with_which_no_server_would_start_are_refused_in_the_unit(tmp_path: Path) -> None:
    assert torc_server(tmp_path, "service", "--port", "many").returncode == 2
    done = torc_server(tmp_path, "service", "--require-auth")
    assert (done.returncode, done.stdout) == (2, "")


def test_the_process_id_and_the_log_are_in_their_files(tmp_path: Path) -> None:
    pid, log = tmp_path / "torc.pid", tmp_path / "torc.log"
    server = ServerProcess(
        database=tmp_path / "torc.db",
        arguments=("--pid-file", str(pid), "--log-file", str(log), "--log-level", "debug"),
    ).start()
    with server.client() as client:
        client.ping()
    assert int(pid.read_text()) == server.process.pid
    assert server.stop() == 0
    assert not pid.exists()
    assert log.stat().st_mode & 0o077 == 0
    assert "GET" in log.read_text()


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = torc_server(tmp_path, "run", "--log-file", "nowhere/torc.log")
    assert done.returncode == 2
    assert "nowhere/torc.log" in done.stderr


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Three workflows, and a token."""
    path = tmp_path / "torc.db"
    bench = Bench.at(path)
    for name in ("first", "second", "third"):
        bench.workflow([job(f"{name}-job")])
    bench.database.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE workflow SET user = 'anna' WHERE id = 2")
        connection.execute(
            "INSERT INTO access_group (name, is_system, created_at) VALUES ('team', 0, '2026-01-01T00:00:00Z')"
        )
    return path


def test_an_export_holds_the_chosen_workflows_and_nobody_elses_rights(database: Path, tmp_path: Path) -> None:
    done = torc_server(tmp_path, "export", "out.db", "--database", database, "--user", "anna")
    assert done.returncode == 0, done.stderr
    assert "1 workflow " in done.stdout
    with closing(sqlite3.connect(tmp_path / "out.db")) as connection:
        assert connection.execute("SELECT id FROM workflow").fetchall() == [(2,)]
        assert connection.execute("SELECT name FROM job").fetchall() == [("second-job",)]
        assert connection.execute("SELECT COUNT(*) FROM access_group").fetchone() == (0,)
    assert b"first-job" not in (tmp_path / "out.db").read_bytes()
    assert (tmp_path / "out.db").stat().st_mode & 0o077 == 0
    assert torc_server(tmp_path, "check", "--database", "out.db").returncode == 0


def test_an_export_of_nothing_is_refused_and_leaves_nothing(database: Path, tmp_path: Path) -> None:
    assert torc_server(tmp_path, "export", "out.db", "-d", database, "--workflow", "9").returncode == 2
    assert torc_server(tmp_path, "export", "out.db", "-d", database, "--user", "nobody").returncode == 2
    assert not list(tmp_path.glob("out.db*"))


def test_an_old_layout_is_refused(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(InvalidInputError):
        keep_chosen(database, users=[], workflow_ids=[])
