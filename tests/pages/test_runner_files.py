"""What the page of a job shows of the files that its runner left, and what it does not."""

import os
import sqlite3
from pathlib import Path

import httpx
import pytest
from helpers import ServerProcess
from running import create, run

from runner.monitoring.series import SeriesFile, SeriesJob, SeriesRow
from torc_client.http import TorcClient
from torc_core.slurm.steps import AttemptStep
from torc_server.pages.runner_files import read_logs, read_series

ATTEMPT = AttemptStep(3, 7, 1, 2)
SECRET = "ghp_" + "a1B2" * 9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "job_stdio").mkdir()
    return tmp_path


def log_path(folder: Path) -> Path:
    return folder / "job_stdio" / f"job_{ATTEMPT}.o"


def write_series(folder: Path, *timestamps: int) -> Path:
    path = folder / "resource_utilization" / "resource_metrics_wf3_host_r1.db"
    job = SeriesJob(job_id=7, attempt_id=2, name="j", num_cpus=1, memory_limit_bytes=None, runtime_limit_s=None)
    file = SeriesFile(path)
    file.add(
        SeriesRow(
            job=job, timestamp=at, cpu_percent=50.0, memory_bytes=2**20, num_processes=1, read_bytes=None,
            write_bytes=None,
        )
        for at in timestamps
    )  # fmt: skip
    file.close()
    return path


def test_the_page_of_a_job_shows_its_log_to_who_may_decide_and_not_to_viewers(
    server: ServerProcess, client: TorcClient, tmp_path: Path
) -> None:
    workflow_id = create(client, "echo it is '<b>in</b>' the log", use_pending_failed=True)
    ran = run(client, workflow_id, tmp_path / "output")
    path = f"/workflows/{workflow_id}/jobs/{ran.jobs()['job1'].id}"
    made = httpx.post(f"{server.url}/tokens", json={"name": "v", "scope": "viewer"}, headers=server.headers).json()
    with httpx.Client(base_url=server.root_url, trust_env=False, timeout=60) as http:
        shown = http.get(path, headers=server.headers).text
        assert "it is &lt;b&gt;in&lt;/b&gt; the log" in shown
        viewer = http.get(path, headers={"Authorization": f"Bearer {made['token']}"}).text
        assert "it is" not in viewer.partition("<h2>Logs")[2]


def test_a_log_is_shown_by_its_end_and_without_credentials(folder: Path) -> None:
    log_path(folder).write_text("x" * 100_000 + f"\ntoken={SECRET}\n\x1b[31mred\n")
    [log] = read_logs(folder, ATTEMPT)
    assert log.is_cut
    assert SECRET not in log.text
    assert log.text.endswith("red\n")
    assert len(log.text) < 40_000


def test_links_pipes_and_folders_in_the_place_of_a_log_are_not_read(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("do not show")
    path = log_path(folder)
    path.symlink_to(secret)
    assert read_logs(folder, ATTEMPT) == []
    path.unlink()
    os.mkfifo(path)
    assert read_logs(folder, ATTEMPT) == []
    path.unlink()
    path.mkdir()
    assert read_logs(folder, ATTEMPT) == []


def test_the_series_of_the_attempt_is_read_and_thinned(folder: Path) -> None:
    write_series(folder, *range(1000, 3000))
    samples = read_series(folder, ATTEMPT)
    assert 300 < len(samples) <= 500
    assert samples[0] == (1000, 2**20, 50.0)
    assert read_series(folder, AttemptStep(3, 7, 1, 1)) == ()
    assert read_series(folder, AttemptStep(4, 7, 1, 2)) == ()


def test_a_file_that_is_no_series_or_never_ends_shows_nothing(folder: Path) -> None:
    path = write_series(folder, 1000)
    connection = sqlite3.connect(path)
    connection.executescript(
        "DROP TABLE job_resource_samples; CREATE VIEW job_resource_samples AS "
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT 8 AS job_id, i AS timestamp, 1 AS memory_bytes, 1 AS cpu_percent, 2 AS attempt_id FROM n"
    )
    connection.close()
    assert read_series(folder, ATTEMPT) == ()
    path.write_bytes(b"no database at all")
    assert read_series(folder, ATTEMPT) == ()
