"""`torc watch` and `torc run --recover`: failures are mended without a person."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ServerProcess, wait_until
from recovery_scenes import BROKEN, OOM, fail_all, job, make_scene
from torc_process import SpecWriter, Torc

from torc_client.http import TorcClient

KILLED_ONCE = '[ "$TORC_RUN_ID" != 1 ] || kill -9 $$'
"""Ends like a job that the kernel kills for memory, in the first run only."""


def log_of(torc: Torc, workflow_id: int) -> Path:
    return torc.folder / "output" / f"watch_{socket.gethostname()}_{workflow_id}.log"


def ends(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_a_watch_and_a_runner_bring_a_workflow_to_its_end_without_a_person(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={
            "hungry": {"command": KILLED_ONCE, "resource_requirements": "large"},
            "after": {"command": "true", "depends_on": ["hungry"]},
        },
        resource_requirements=[{"name": "large", "num_cpus": 1, "memory": "100m", "runtime": "PT10M"}],
    )
    workflow_id = torc("create", path, "-f", "json").json["workflow_id"]
    watch = torc.start("watch", workflow_id, "--recover", "--max-retries", 3, "--show-job-counts")
    wait_until(lambda: "uninitialized=2" in _text(log_of(torc, workflow_id)), "it watches")
    client = torc("run", workflow_id)
    code, out, err = ends(watch)
    assert code == 0, err
    assert f"`torc watch --recover` follows workflow {workflow_id}" in client.err
    assert "run 2: 2 completed" in client.out
    assert re.search(r"Job \d+ \(hungry\): OOM detected, increasing memory 100m -> 150m", out)
    assert "Attempting automatic recovery (attempt 1/3)" in out
    assert out.rstrip().endswith("Workflow completed successfully (2 jobs)")


def test_a_runner_goes_on_with_what_somebody_recovered_before_it_could_ask(torc: Torc, spec: SpecWriter) -> None:
    recover = f'if [ "$TORC_RUN_ID" = 1 ]; then {sys.executable} -m torc_cli.main recover "$TORC_WORKFLOW_ID"; fi'
    path = spec(
        jobs={
            "hungry": {"command": KILLED_ONCE, "resource_requirements": "large"},
            "after": {"command": "true", "depends_on": ["hungry"]},
        },
        resource_requirements=[{"name": "large", "num_cpus": 1, "memory": "100m", "runtime": "PT10M"}],
        actions=[
            {
                "trigger_type": "on_worker_complete",
                "action_type": "run_commands",
                "commands": [recover],
                "persistent": True,
            }
        ],
    )
    # only with its owner's token does a command of an action recover
    assert "run 2: 2 completed" in torc("run", path, "--job-token", "full").out


def test_a_run_raises_no_job_beyond_what_its_runner_has(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={"hungry": {"command": KILLED_ONCE, "resource_requirements": "large"}},
        resource_requirements=[{"name": "large", "num_cpus": 1, "memory": "100m", "runtime": "PT10M"}],
    )
    printed = torc("run", path, "--recover", "--memory-gb", 0.125).out
    assert re.search(r"increasing memory 100m -> 128m", printed)
    assert "run 2: 1 completed" in printed


def test_a_run_with_recovery_sums_up_what_was_changed_and_what_is_left(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={
            "hungry": {"command": KILLED_ONCE, "resource_requirements": "large"},
            "broken": {"command": "exit 3", "resource_requirements": "large"},
        },
        resource_requirements=[{"name": "large", "num_cpus": 1, "memory": "100m", "runtime": "PT10M"}],
    )
    printed = torc("run", path, "--recover", code=1).out
    report = printed[printed.rindex("(test), run 2: ") :]
    assert re.search(r"Recovered after run 1: 1 job tried again in run 2\n    Job \d+ \(hungry\): .*", report)
    assert "memory 100m -> 150m" in report
    assert re.search(r"Left to a person:\n    Job \d+ \(broken\)", report)
    reported = torc("run", path, "--recover", "-f", "json", code=1).json["recoveries"]
    assert [(each["after_run_id"], each["run_id"], each["reset_count"]) for each in reported] == [
        (1, 2, 1),
        (2, None, 0),
    ]
    assert reported[0]["adjustments"][0]["original_memory"] == "100m"
    assert reported[0]["adjustments"][0]["new_memory"] == "150m"
    assert [each["job_name"] for each in reported[1]["needs_decision"]] == ["broken"]


def test_retries_without_recovery_are_refused(torc: Torc, spec: SpecWriter) -> None:
    printed = torc("run", spec(jobs={"a": "true"}), "--max-retries", 7, code=2)
    assert "--max-retries does nothing without --recover" in printed.err


def test_corrections_for_a_job_that_is_not_there_are_refused(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (fine,) = make_scene(shared_client, job("fine"))
    _, (elsewhere,) = make_scene(shared_client, job("elsewhere"))
    fail_all(shared_client, workflow_id, {fine: None})
    for job_id in (99999999, elsewhere):
        printed = torc("workflows", "correct-resources", workflow_id, "--job-ids", f"{fine},{job_id}", code=2)
        assert f"workflow {workflow_id} has no job {job_id}" in printed.err


@pytest.mark.parametrize("option", ["--memory-multiplier", "--runtime-multiplier"])
def test_a_senseless_multiplier_is_refused(torc: Torc, option: str) -> None:
    printed = torc("recover", 1, option, 100.5, code=2)
    assert "must be more than 1 and at most 100" in printed.err


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_all_that_is_reported_stands_in_the_log_too(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (broken,) = make_scene(shared_client, job("broken"))
    fail_all(shared_client, workflow_id, {broken: BROKEN})
    printed = torc("watch", workflow_id, "-r", "-m", 2, "-o", "logs", code=1).out
    log = (torc.folder / "logs" / f"watch_{socket.gethostname()}_{workflow_id}.log").read_text()
    assert [line.partition(" ")[2] for line in log.splitlines()] == printed.splitlines()
    assert "No recoverable jobs found. 1 job(s) failed with unknown causes." in printed


def test_a_hook_serves_a_watch_as_well(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (broken,) = make_scene(shared_client, job("broken"))
    fail_all(shared_client, workflow_id, {broken: BROKEN})
    (torc.folder / "fix.sh").write_text('echo "mending $TORC_WORKFLOW_ID"; exit 1\n')
    printed = torc("watch", workflow_id, "--recover", "--recovery-hook", "bash fix.sh", code=1).out
    assert f"  [hook] mending {workflow_id}" in printed
    assert "Recovery failed: Recovery hook 'bash fix.sh' failed with exit code 1" in printed
    assert shared_client.workflow_status(workflow_id).run_id == 1


def test_json_sums_up_how_it_ended(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (fine,) = make_scene(shared_client, job("fine"))
    fail_all(shared_client, workflow_id, {fine: None})
    summary = torc("watch", workflow_id, "-f", "json").json
    assert (summary["workflow_id"], summary["success"], summary["recoveries"]) == (workflow_id, True, 0)
    assert summary["jobs_by_status"]["completed"] == 1
    assert (torc.folder / summary["log_file"]).exists()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--runtime-multiplier", "1"], 2),
        (["--recover", "--recovery-hook", "bash missing.sh"], 2),
        (["--recovery-hook", "bash -c true"], 2),
        (["--max-retries", "-1"], 2),
        (["--poll-interval", "0"], 2),
        (["--max-memory", "lots"], 2),
    ],
)
def test_wrong_usage_ends_at_once(torc: Torc, shared_client: TorcClient, options: list[str], code: int) -> None:
    workflow_id, _ = make_scene(shared_client, job("ready"))
    torc("watch", workflow_id, *options, code=code)


def test_an_unknown_workflow_cannot_be_watched(torc: Torc) -> None:
    assert "there is no workflow 987654" in torc("watch", 987654, code=1).err


def test_a_watch_outlives_its_server(server: ServerProcess, client: TorcClient, tmp_path: Path) -> None:
    torc = Torc(tmp_path, server.url)
    workflow_id, (hungry, later) = make_scene(client, job("hungry"), job("later", depends_on=[0], strict=False))
    watch = torc.start("watch", workflow_id, "--recover", "--poll-interval", "0.2")
    wait_until(lambda: client.failures.count_recovering(workflow_id), "it watches", timeout_s=20)
    server.kill()
    server.start()
    wait_until(lambda: client.failures.count_recovering(workflow_id), "it is back", timeout_s=20)
    fail_all(client, workflow_id, {hungry: OOM})
    fail_all(client, workflow_id, {later: None})
    wait_until(lambda: client.workflow_status(workflow_id).run_id == 2, "it has recovered", timeout_s=20)
    fail_all(client, workflow_id, {hungry: None})
    fail_all(client, workflow_id, {later: None})
    code, out, err = ends(watch)
    assert (code, err) == (0, "")
    assert "Attempting automatic recovery (attempt 1/3)" in out


def test_a_run_recovers_by_itself_until_it_is_done(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={"hungry": {"command": KILLED_ONCE, "resource_requirements": "large"}},
        resource_requirements=[{"name": "large", "num_cpus": 1, "memory": "100m", "runtime": "PT10M"}],
    )
    printed = torc("run", path, "--recover")
    assert "OOM detected, increasing memory 100m -> 150m" in printed.out
    assert "run 2: 1 completed" in printed.out


def test_a_run_that_nothing_can_mend_gives_up(torc: Torc, spec: SpecWriter) -> None:
    printed = torc("run", spec(jobs={"broken": "exit 3"}), "--recover", "--retry-unknown", "--max-retries", 2, code=1)
    assert "Max retries (2) exceeded. Manual intervention required." in printed.out
    assert "run 3: 1 pending failed" in printed.out


def test_a_workflow_that_ended_with_failures_is_recovered_before_it_is_run(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={"hungry": {"command": KILLED_ONCE, "resource_requirements": "large"}},
        resource_requirements=[{"name": "large", "num_cpus": 1, "memory": "100m", "runtime": "PT10M"}],
        use_pending_failed=False,
    )
    workflow_id = torc("create", path, "-f", "json").json["workflow_id"]
    torc("run", workflow_id, code=1)
    assert "run 2: 1 completed" in torc("run", workflow_id, "--recover").out
