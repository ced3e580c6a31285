"""Server and runners are killed while jobs run: nothing is lost, nothing runs twice at the same time."""

import os
import signal
import subprocess
import threading
from collections import defaultdict
from pathlib import Path

from helpers import ServerProcess, wait_until
from running import StartRunner, create, is_alive, job, processes_with, run, until_running

from runner.process.launcher_process import LEFTOVER_S, ORPHANED_LEAD_S
from torc_client.http import TorcClient
from torc_client.processes import LAUNCHER_ENDING_S, host_facts
from torc_client.recovery.orphans import find_orphans, reclaim
from torc_core.api.nodes import ComputeNodeModel

_SPAN = 'echo "begin $TORC_JOB_NAME $$" >> {marks}; sleep {seconds}; echo "end $TORC_JOB_NAME $$" >> {marks}'


def overlapping(marks: Path) -> list[str]:
    """Jobs of which two processes lived at the same time."""
    alive: dict[str, set[str]] = defaultdict(set)
    bad: list[str] = []
    for line in marks.read_text().splitlines():
        word, name, pid = line.split()
        if word == "end":
            alive[name].discard(pid)
            continue
        if any(is_alive(int(other)) for other in alive[name]):
            bad.append(name)
        alive[name].add(pid)
    return bad


def completed_once(client: TorcClient, workflow_id: int) -> bool:
    """Every job is completed and has exactly one completed result."""
    jobs = client.jobs.list_all(workflow_id=workflow_id)
    results = client.results.list_all(workflow_id=workflow_id, all_runs=True)
    done = sorted(result.job_id for result in results if result.status == "completed")
    return done == sorted(job.id or 0 for job in jobs) and {str(job.status) for job in jobs} == {"completed"}


def test_a_server_killed_again_and_again_loses_no_result(
    client: TorcClient, server: ServerProcess, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    jobs = [
        job(f"j{n}", _SPAN.format(marks=marks, seconds=0.02), depends_on=[n - 20] if n >= 20 else [])
        for n in range(300)
    ]
    workflow_id = create(client, *jobs)

    def kill_thrice() -> None:
        for number in (40, 120, 200):
            wait_until(
                lambda n=number: marks.exists() and marks.read_text().count("begin") > n, f"{number} jobs", timeout_s=60
            )
            server.kill()
            server.start()

    killing = threading.Thread(target=kill_thrice)
    killing.start()
    ran = run(client, workflow_id, tmp_path / "out", num_cpus=6)
    killing.join()
    assert ran.summary.reason == "complete"
    assert completed_once(client, workflow_id)
    assert overlapping(marks) == []
    assert marks.read_text().count("begin") == 300


def test_the_next_runner_reclaims_what_a_killed_one_held(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    jobs = [job(f"j{n}", _SPAN.format(marks=marks, seconds="0.$RANDOM")) for n in range(24)]
    stubborn = job("stubborn", f"trap '' TERM; {_SPAN.format(marks=marks, seconds=1.5)}", priority=9)
    workflow_id = create(client, stubborn, *jobs)
    for _ in range(3):
        runner = start_runner(workflow_id, tmp_path / "out")
        until_running(client, workflow_id, 2)
        runner.kill()
    ran = run(client, workflow_id, tmp_path / "out")
    assert ran.summary.reason == "complete"
    assert completed_once(client, workflow_id)
    assert overlapping(marks) == []
    assert processes_with(f"TORC_OUTPUT_DIR={tmp_path}/out") == []


def test_nothing_of_a_killed_runner_runs_on(client: TorcClient, start_runner: StartRunner, tmp_path: Path) -> None:
    word = f"TORC_OUTPUT_DIR={tmp_path}/out"
    workflow_id = create(client, "sleep 61", "trap '' TERM; sleep 62 & wait; sleep 63", "setsid sleep 64 & wait")
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id, 3)
    wait_until(lambda: len(processes_with(word)) >= 4, "all processes are there")
    runner.kill()
    wait_until(lambda: processes_with(word) == [], "no process is left", timeout_s=15)
    statuses = {str(job.status) for job in client.jobs.list_all(workflow_id=workflow_id)}
    assert statuses == {"running"}


def test_jobs_that_are_reclaimed_without_a_runner_have_ended_before(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    word = f"TORC_OUTPUT_DIR={tmp_path}/out"
    workflow_id = create(client, "trap 'echo saved; sleep 1; echo gone' TERM; while :; do sleep 0.05; done")
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id)
    runner.kill()
    plan = find_orphans(client, workflow_id, host=host_facts())
    assert [taken.outcome for taken in reclaim(client, plan, requeue=True).jobs] == ["requeued"]
    assert processes_with(word) == []


def test_a_launcher_has_as_long_as_it_may_take() -> None:
    assert LAUNCHER_ENDING_S >= ORPHANED_LEAD_S + 2 * LEFTOVER_S


def test_jobs_of_a_runner_in_another_container_live_on(client: TorcClient, tmp_path: Path) -> None:
    workflow_id = create(client, "true")
    host = host_facts()
    facts = {"boot_id": host.boot_id, "pid_start_time": 1, "pid_namespace": "pid:[1]"}
    neighbour = ComputeNodeModel(
        workflow_id=workflow_id,
        hostname=host.hostname,
        pid=1,
        start_time="2026-01-01T00:00:00Z",
        num_cpus=1,
        num_gpus=0,
        num_nodes=1,
        memory_gb=1,
        compute_node_type="local",
        is_active=True,
        scheduler=facts,
    )
    client.compute_nodes.create(neighbour)
    with subprocess.Popen(["sleep", "60"], env={**os.environ, "TORC_RUNNER": "1.1"}) as its_job:
        run(client, workflow_id, tmp_path / "out")
        assert its_job.poll() is None
        its_job.kill()


def test_jobs_that_outlived_runner_and_launcher_are_gone_before_they_run_again(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    first = f'[ "$TORC_ATTEMPT_ID" = 2 ] || sleep 60; {_SPAN.format(marks=marks, seconds=0.1)}'
    workflow_id = create(client, f"echo $$ >> {tmp_path}/pids; {first}")
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id)
    pids = tmp_path / "pids"
    orphan = int(wait_until(lambda: pids.exists() and pids.read_text(), "the job has begun"))
    (node,) = client.compute_nodes.list_all(workflow_id=workflow_id)
    os.kill((node.scheduler or {})["launcher_pid"], signal.SIGSTOP)
    runner.kill()
    os.kill((node.scheduler or {})["launcher_pid"], signal.SIGKILL)
    assert is_alive(orphan)
    ran = run(client, workflow_id, tmp_path / "out")
    assert completed_once(client, ran.workflow_id)
    assert not is_alive(orphan)


def test_a_killed_launcher_costs_only_attempts_and_no_retries_of_the_rules(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    rules = [{"match_all_exit_codes": True, "max_retries": 1}]
    jobs = [job(f"j{n}", "sleep 0.4", failure_handler=0) for n in range(12)]
    workflow_id = create(client, *jobs, rules=rules)
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id, 4)
    (node,) = client.compute_nodes.list_all(workflow_id=workflow_id)
    os.kill((node.scheduler or {})["launcher_pid"], 9)
    assert runner.summary()["reason"] == "complete"
    assert completed_once(client, workflow_id)
    faults = [job.infrastructure_faults for job in client.jobs.list_all(workflow_id=workflow_id)]
    assert 1 <= faults.count(1) <= 4
    assert faults.count(0) == 12 - faults.count(1)


def test_a_recovery_script_that_was_lost_with_the_launcher_is_an_infrastructure_fault(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    script = f"[ -e {tmp_path}/begun ] || {{ touch {tmp_path}/begun; sleep 60; }}"
    rules = [{"exit_codes": [3], "recovery_script": script, "max_retries": 3}]
    command = '[ "$TORC_ATTEMPT_ID" -ge 3 ] || exit 3'
    workflow_id = create(client, job("bad", command, failure_handler=0), rules=rules, use_pending_failed=False)
    runner = start_runner(workflow_id, tmp_path / "out")
    wait_until((tmp_path / "begun").exists, "the recovery script runs")
    (node,) = client.compute_nodes.list_all(workflow_id=workflow_id)
    os.kill((node.scheduler or {})["launcher_pid"], 9)
    assert runner.summary()["reason"] == "complete"
    (bad,) = client.jobs.list_all(workflow_id=workflow_id)
    assert (str(bad.status), bad.infrastructure_faults) == ("completed", 1)
