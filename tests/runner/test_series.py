"""Jobs over time: what is measured and what the file says."""

import sqlite3
from contextlib import closing
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
from helpers import wait_until
from running import StartRunner, create, job, run, until_running

from runner.base.progress import Notice
from runner.monitoring.series import SeriesFile, SeriesJob, SeriesRow
from torc_client.http import TorcClient
from torc_core.api.configs import JobMonitorConfig, ResourceMonitorConfig
from torc_core.api.drafts import ResourceRequirementsDraft

OVER_TIME = ResourceMonitorConfig(enabled=True, granularity="time_series", sample_interval_seconds=0.25)
BUSY_TREE = "setsid bash -c 'head -c 60000000 /dev/zero | tail' >/dev/null; timeout 2.2 bash -c 'while :; do :; done'"
NEEDS = ResourceRequirementsDraft(name="some", num_cpus=2, memory="300m", runtime="PT1H")
JOB = SeriesJob(job_id=7, attempt_id=1, name="j", num_cpus=1, memory_limit_bytes=None, runtime_limit_s=None)


def file_of(folder: Path, workflow_id: int) -> Path:
    return folder / "resource_utilization" / f"resource_metrics_wf{workflow_id}_{gethostname()}_r1.db"


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def row(timestamp: int, *, memory_bytes: int = 5, job: SeriesJob = JOB) -> SeriesRow:
    return SeriesRow(
        job=job,
        timestamp=timestamp,
        cpu_percent=50.0,
        memory_bytes=memory_bytes,
        num_processes=1,
        read_bytes=None,
        write_bytes=3,
    )


def test_a_run_leaves_one_file_with_the_tables_that_others_read(shared_client: TorcClient, tmp_path: Path) -> None:
    busy = job("busy", BUSY_TREE, resource_requirements=0)
    workflow_id = create(shared_client, busy, "sleep 1.2", needs=[NEEDS], resource_monitor_config=OVER_TIME)
    ran = run(shared_client, workflow_id, tmp_path)
    ids = {name: found.id for name, found in ran.jobs().items()}
    path = file_of(tmp_path, workflow_id)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    samples = rows(path, "SELECT job_id, timestamp, cpu_percent, memory_bytes, num_processes FROM job_resource_samples")
    assert {sample[0] for sample in samples} == set(ids.values())
    of_busy = [sample for sample in samples if sample[0] == ids["busy"]]
    assert len(of_busy) >= 2
    assert max(cpu for _, _, cpu, _, _ in of_busy) > 50
    assert max(memory for _, _, _, memory, _ in of_busy) > 1_000_000
    assert max(count for _, _, _, _, count in of_busy) >= 2
    described = rows(path, "SELECT job_id, job_name, memory_limit_bytes, num_cpus, runtime_limit_s FROM job_metadata")
    assert sorted(described) == [(ids["busy"], "busy", 300 << 20, 2, 3600.0), (ids["job2"], "job2", None, 1, None)]
    columns = rows(path, "SELECT name, type, pk FROM pragma_table_info('job_resource_samples')")
    assert columns[:5] == [
        ("job_id", "INTEGER", 1),
        ("timestamp", "INTEGER", 2),
        ("cpu_percent", "REAL", 0),
        ("memory_bytes", "INTEGER", 0),
        ("num_processes", "INTEGER", 0),
    ]


@pytest.mark.parametrize(
    "config",
    [
        None,
        ResourceMonitorConfig(granularity="summary"),
        ResourceMonitorConfig(enabled=False, granularity="time_series"),
        ResourceMonitorConfig(granularity="time_series", jobs=JobMonitorConfig(enabled=False)),
        ResourceMonitorConfig(granularity="time_series", jobs=JobMonitorConfig(granularity="summary")),
    ],
)
def test_without_the_wish_for_a_time_series_there_is_none(config: ResourceMonitorConfig | None) -> None:
    assert (config or ResourceMonitorConfig()).job_granularity() != "time_series"


def test_what_jobs_say_of_themselves_wins() -> None:
    config = ResourceMonitorConfig(enabled=False, jobs=JobMonitorConfig(enabled=True, granularity="time_series"))
    assert config.job_granularity() == "time_series"


def test_a_summary_leaves_no_folder_behind(shared_client: TorcClient, tmp_path: Path) -> None:
    run(
        shared_client,
        create(shared_client, "true", resource_monitor_config=ResourceMonitorConfig(enabled=True)),
        tmp_path,
    )
    assert not (tmp_path / "resource_utilization").exists()


def test_a_killed_runner_leaves_what_it_had_written(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    config = OVER_TIME.model_copy(update={"flush_interval_seconds": 1})
    workflow_id = create(client, "sleep 60", resource_monitor_config=config)
    runner = start_runner(workflow_id, tmp_path)
    until_running(client, workflow_id)
    path = file_of(tmp_path, workflow_id)
    wait_until(lambda: path.exists() and _count(path), "samples are written while the job runs")
    runner.kill()
    assert _count(path) >= 1


def _count(path: Path) -> int:
    try:
        return int(rows(path, "SELECT count(*) FROM job_resource_samples")[0][0])
    except sqlite3.OperationalError:
        return 0


def test_a_file_that_cannot_be_written_harms_no_job(shared_client: TorcClient, tmp_path: Path) -> None:
    (tmp_path / "resource_utilization").write_text("in the way")
    config = OVER_TIME.model_copy(update={"flush_interval_seconds": 1})
    ran = run(shared_client, create(shared_client, "sleep 2.5", resource_monitor_config=config), tmp_path)
    assert ran.statuses() == {"job1": "completed"}
    notices = [str(event.text) for event in ran.events if isinstance(event, Notice)]
    assert len(notices) == 1
    assert "no time series" in notices[0]


def test_two_runners_of_one_host_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "series.db"
    writers = [SeriesFile(path, flush_every_s=0.0) for _ in range(2)]
    for moment in range(50):
        for number, writer in enumerate(writers):
            job = SeriesJob(
                job_id=number, attempt_id=1, name="j", num_cpus=1, memory_limit_bytes=None, runtime_limit_s=None
            )
            writer.add([row(moment, job=job)])
    for writer in writers:
        writer.close()
    assert [writer.problem for writer in writers] == [None, None]
    assert rows(path, "SELECT count(*) FROM job_resource_samples") == [(100,)]


def test_of_two_samples_in_one_second_the_higher_memory_stays(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    writer = SeriesFile(path)
    writer.add([row(1000, memory_bytes=9), row(1000, memory_bytes=4), row(1001, memory_bytes=2)])
    writer.close()
    assert rows(path, "SELECT timestamp, memory_bytes FROM job_resource_samples") == [(1000, 9), (1001, 2)]


def test_nothing_is_created_while_there_is_nothing_to_write(tmp_path: Path) -> None:
    SeriesFile(tmp_path / "never" / "series.db").close()
    assert list(tmp_path.iterdir()) == []
