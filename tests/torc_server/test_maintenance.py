"""`torc-server check` and `torc-server backup`."""

import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers import ServerProcess, make_workflow
from services_bench import Bench, job

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError
from torc_server.db.engine import Database
from torc_server.maintenance import back_up, check_database


def torc_server(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "torc_server.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_sound_database_is_sound_while_a_server_works_on_it(server: ServerProcess, client: TorcClient) -> None:
    make_workflow(client, JobDraft(name="a", command="true"))
    done = torc_server("check", "--database", server.database)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{server.database}: the file is sound, and all rules hold\n"


def test_broken_rules_and_references_are_named(tmp_path: Path) -> None:
    path = tmp_path / "torc.db"
    bench = Bench.at(path, checks=False)
    run = bench.workflow([job("a")])
    bench.database.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE job SET unresolved_dependencies = 1")
    done = torc_server("check", "--database", path)
    assert done.returncode == 1
    assert f"the counter of unresolved dependencies is right: broken by ({run.id('a')}, 1, 0)" in done.stdout
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE job SET resource_requirements_id = 99")
    done = torc_server("check", "--database", path)
    assert done.returncode == 1
    assert f"row {run.id('a')} of job names a record of resource_requirements that does not exist" in done.stdout


def test_damage_to_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "torc.db"
    bench = Bench.at(path, checks=False)
    bench.workflow([job(f"job-{number}") for number in range(2_000)])
    bench.database.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 4)
        file.write(b"\xff" * (size // 2))
    done = torc_server("check", "--database", path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout


def test_an_older_layout_is_no_damage_but_printed(tmp_path: Path) -> None:
    path = tmp_path / "torc.db"
    bench = Bench.at(path, checks=False)
    bench.database.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    (problem,) = check_database(path)
    assert "in layout 0001" in problem
    back_up(path, tmp_path / "copy.db")


@pytest.mark.parametrize("command", [["check"], ["backup", "copy.db"]])
def test_a_database_that_is_missing_is_not_created(tmp_path: Path, command: list[str]) -> None:
    done = torc_server(*command, "--database", tmp_path / "none.db")
    assert done.returncode == 2
    assert "there is no database" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_one_consistent_file_although_the_server_writes_meanwhile(
    server: ServerProcess, client: TorcClient, tmp_path: Path
) -> None:
    make_workflow(client, *(JobDraft(name=f"job-{number}", command="true") for number in range(500)))
    stop = threading.Event()

    def keep_writing() -> None:
        with server.client() as writer:
            while not stop.is_set():
                writer.workflows.create(WorkflowModel(name="w", user="ann"))

    writing = threading.Thread(target=keep_writing)
    writing.start()
    try:
        copies = [tmp_path / f"copy-{number}.db" for number in range(3)]
        done = [torc_server("backup", copy, "--database", server.database) for copy in copies]
    finally:
        stop.set()
        writing.join()
    assert [(result.returncode, result.stderr) for result in done] == [(0, "")] * 3
    assert sorted(path.name for path in tmp_path.glob("copy*")) == [copy.name for copy in copies]
    for copy in copies:
        assert check_database(copy) == []
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        restored = ServerProcess(database=copy).start()
        with restored.client() as reader:
            assert len(reader.jobs.list_all(workflow_id=1)) == 500
        restored.stop()


def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    Bench.at(tmp_path / "torc.db")
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(InvalidInputError, match="exists already"):
        back_up(tmp_path / "torc.db", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench.at(tmp_path / "torc.db")
    bench.database.close()

    def broken(self: Database) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Database, "reading", broken)
    with pytest.raises(InvalidInputError, match="No space left"):
        back_up(tmp_path / "torc.db", tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))
