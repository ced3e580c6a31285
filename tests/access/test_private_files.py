"""What is written is its user's alone; logs of jobs follow the user's umask, and never a link."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ServerProcess
from torc_process import SpecWriter, Torc

_LOGS = Path("output", "job_stdio")


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def spec(tmp_path: Path) -> SpecWriter:
    def write(*, command: str) -> Path:
        path = tmp_path / "w.json"
        monitor = {"enabled": True, "granularity": "time_series", "sample_interval_seconds": 1}
        path.write_text(
            f'{{"name": "w", "resource_monitor": {str(monitor).replace("True", "true")}, '
            f'"jobs": [{{"name": "a", "command": "{command}"}}]}}'.replace("'", '"')
        )
        return path

    return write


def test_only_logs_of_jobs_and_what_jobs_write_can_be_read_by_others(tmp_path: Path, spec: SpecWriter) -> None:
    Torc(tmp_path)("-s", "run", spec(command="echo out; echo err >&2; touch made"))
    files = {path.relative_to(tmp_path): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    open_to_others = {str(path) for path, mode in files.items() if mode & 0o077 and (tmp_path / path).is_file()}
    logs = {f"output/job_stdio/job_wf1_j1_r1_a1.{ending}" for ending in "oe"}
    assert open_to_others == {"w.json", "made", *logs}
    assert {files[Path(log)] for log in logs} == {0o644}
    private = {str(path) for path in files} & {"output/torc.db", "output/torc.db.token", "output/torc.db.server.log"}
    assert len(private) == 3
    assert [path for path in files if path.name.startswith("job_runner_")]


def test_a_link_in_the_place_of_a_log_is_neither_followed_nor_replaced(tmp_path: Path, spec: SpecWriter) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / _LOGS).mkdir(parents=True)
    (tmp_path / _LOGS / "job_wf1_j1_r1_a1.o").symlink_to(precious)
    torc = Torc(tmp_path)
    torc("-s", "run", spec(command="echo overwritten"), code=1)
    assert precious.read_text() == "keep me"
    assert (tmp_path / _LOGS / "job_wf1_j1_r1_a1.o").is_symlink()
    assert "symbolic links" in torc("-s", "failures", "list", 1).out


def test_a_backup_is_as_private_as_the_database(server: ServerProcess, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    command = [sys.executable, "-m", "torc_server.main", "backup", str(copy), "--database", str(server.database)]
    subprocess.run(command, check=True, capture_output=True)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
