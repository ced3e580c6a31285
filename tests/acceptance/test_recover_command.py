"""`torc recover` as its guide promises it."""

import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from helpers import ServerProcess, wait_until
from recovery_scenes import (
    BROKEN,
    OOM,
    TIMEOUT,
    claim_all,
    end,
    fail_all,
    job,
    make_scene,
    requirement_of,
    statuses,
)
from torc_process import EXAMPLES, SpecWriter, Torc

from torc_client.http import TorcClient

FIX_SPARK_CLUSTER = """\
#!/bin/bash
# fix-spark-cluster.sh - Example recovery hook for Spark jobs

WORKFLOW_ID=$1  # or use $TORC_WORKFLOW_ID

# Find failed jobs
FAILED_JOBS=$(torc jobs list $WORKFLOW_ID --status failed -f json | jq -r '.[].id')

for JOB_ID in $FAILED_JOBS; do
    # Get current resource requirements
    JOB_INFO=$(torc jobs get $JOB_ID -f json)
    RR_ID=$(echo "$JOB_INFO" | jq -r '.resource_requirements_id')

    # Check if this is a Spark job that needs more nodes
    # (your logic here - parse logs, check error messages, etc.)

    # Update resource requirements
    torc resource-requirements update $RR_ID --num-nodes 16

    echo "Updated job $JOB_ID to use 16 nodes"
done
"""


def standalone(folder: Path) -> Torc:
    return Torc(folder, environment={"TORC_DATABASE": str(folder / "torc.db")})


def content_of(database: Path) -> list[str]:
    """Every row of every table."""
    with sqlite3.connect(database) as connection:
        return list(connection.iterdump())


def test_the_demo_recovers_and_its_sibling_keeps_what_it_has(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path / EXAMPLES.name)
    torc = standalone(tmp_path)
    torc("-s", "run", "examples/yaml/oom_recovery_demo.yaml", code=1)
    before = content_of(tmp_path / "torc.db")

    proposed = torc("-s", "recover", "1", "--dry-run").out
    assert "Job 1 (train_model): OOM detected, would increase memory 64m -> " in proposed
    assert "Job 3 (simulate): Timeout detected, would increase runtime PT5S -> PT7S" in proposed
    assert content_of(tmp_path / "torc.db") == before

    done = torc("-s", "recover", "1").out.splitlines()
    assert done[:2] == ["Diagnosing failures...", "Applying recovery heuristics..."]
    assert done[2].startswith("  Job 1 (train_model): OOM detected, increasing memory 64m -> ")
    assert done[3:] == [
        "  Job 3 (simulate): Timeout detected, increasing runtime PT5S -> PT7S",
        "  Applied fixes: 1 OOM, 1 timeout",
        "Resetting 2 job(s) for retry...",
        "  Reset 2 job(s)",
        "Reinitializing workflow...",
        "",
        "Recovery complete for workflow 1",
        "  - 1 job(s) had memory increased",
        "  - 1 job(s) had runtime increased",
        "Reset 2 job(s). Run them with: torc -s run 1",
    ]
    torc("-s", "run", "1")
    needs = {
        record["id"]: record["name"] for record in torc("-s", "resource-requirements", "list", "1", "-f", "json").json
    }
    jobs = {
        record["name"]: needs[record["resource_requirements_id"]]
        for record in torc("-s", "jobs", "list", "1", "-f", "json").json
    }
    assert jobs["train_model"].startswith("small_mem")
    assert (jobs["evaluate_model"], jobs["simulate"]) == ("small", "short_time7s")
    assert torc("-s", "recover", "1").out.startswith("No failed or terminated jobs to recover.")


def test_the_jobs_of_a_killed_runner_are_found_and_recovered(tmp_path: Path, spec: SpecWriter) -> None:
    torc = standalone(tmp_path)
    path = spec(
        jobs={"lost": '[ "$TORC_RUN_ID" = 2 ] || sleep 600', "after": {"command": "true", "depends_on": ["lost"]}}
    )
    torc("-s", "create", path)
    runner = torc.start("-s", "run", "1")
    wait_until(lambda: "running" in torc("-s", "jobs", "list", "1").out, "the job runs", timeout_s=30)
    runner.send_signal(signal.SIGKILL)
    runner.communicate()
    before = content_of(tmp_path / "torc.db")

    proposed = torc("-s", "recover", "1", "--dry-run").out
    assert proposed.startswith("[DRY RUN] Would clean up 1 orphaned job(s)\n  Job 1 (lost): its runner process on ")
    assert "Job 1 (lost): Lost runner detected, would retry with the same resources" in proposed
    assert content_of(tmp_path / "torc.db") == before

    done = torc("-s", "recover", "1").out
    assert done.startswith("Cleaned up 1 orphaned job(s)\n  Job 1 (lost): pending_failed, its runner process on ")
    assert "  - 1 job(s) lost to infrastructure reset" in done
    torc("-s", "run", "1")


def test_the_hook_of_the_guide_works_as_printed(torc: Torc, shared_client: TorcClient) -> None:
    client = shared_client
    (torc.folder / "fix-spark-cluster.sh").write_text(FIX_SPARK_CLUSTER)
    workflow_id, (spark, steady) = make_scene(client, job("spark"), job("steady"), use_pending_failed=True)
    fail_all(client, workflow_id, {spark: BROKEN, steady: None})
    done = torc("recover", workflow_id, "--recovery-hook", "bash fix-spark-cluster.sh")
    assert f"  [hook] Updated job {spark} to use 16 nodes" in done.out
    assert done.out.index("[hook]") < done.out.index("Resetting 1 job(s) for retry...")
    assert "  1 job(s) with unknown failure cause (running recovery hook)" in done.out
    requirement = client.resource_requirements.get(client.jobs.get(spark).resource_requirements_id or 0)
    assert requirement.num_nodes == 16
    assert statuses(client, workflow_id) == {"spark": "ready", "steady": "completed"}


def test_a_recovery_goes_on_when_the_server_was_away_in_the_middle(server: ServerProcess, tmp_path: Path) -> None:
    with server.client() as client:
        workflow_id, (broken,) = make_scene(client, job("broken"))
        fail_all(client, workflow_id, {broken: BROKEN})
    (tmp_path / "fix.sh").write_text(f"kill -9 {server.process.pid}\n")
    torc = Torc(tmp_path, server.url)
    recovering = torc.start("recover", workflow_id, "--recovery-hook", "bash fix.sh")
    wait_until(lambda: server.process.poll() is not None, "the server is gone")
    server.stdout.close()
    server.start()
    out, err = recovering.communicate(timeout=60)
    assert recovering.returncode == 0, err
    assert "Reset 1 job(s)" in out


def test_a_failing_hook_leaves_every_job_as_it_was(torc: Torc, shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (broken, hungry) = make_scene(client, job("broken"), job("hungry"))
    fail_all(client, workflow_id, {broken: BROKEN, hungry: OOM})
    (torc.folder / "fix.sh").write_text("echo cannot >&2; exit 7\n")
    printed = torc("recover", workflow_id, "--recovery-hook", "bash fix.sh", code=1)
    assert "  [hook] cannot" in printed.out
    assert "Recovery hook 'bash fix.sh' failed with exit code 7" in printed.err
    assert set(statuses(client, workflow_id).values()) == {"failed"}
    assert client.workflow_status(workflow_id).run_id == 1
    assert requirement_of(client, hungry) == "large 8g PT1H"


@pytest.mark.parametrize(
    "options",
    [
        ["--memory-multiplier", "1"],
        ["--runtime-multiplier", "0.5"],
        ["--memory-multiplier", "nan"],
        ["--memory-multiplier", "much"],
        ["--max-memory", "12 apples"],
        ["--max-runtime", "soon"],
        ["--recovery-hook", "bash missing.sh"],
        ["--recovery-hook", "./missing.sh"],
        ["--hook-timeout", "0"],
    ],
    ids=" ".join,
)
def test_bad_input_is_refused_before_anything_is_done(
    torc: Torc, shared_client: TorcClient, options: list[str]
) -> None:
    workflow_id, (hungry,) = make_scene(shared_client, job("hungry"))
    fail_all(shared_client, workflow_id, {hungry: OOM})
    for dry_run in ([], ["--dry-run"]):
        torc("recover", workflow_id, *options, *dry_run, code=2)
    assert shared_client.workflow_status(workflow_id).run_id == 1
    assert statuses(shared_client, workflow_id) == {"hungry": "failed"}


def test_an_unknown_workflow_is_an_error(torc: Torc) -> None:
    assert "there is no workflow 987654" in torc("recover", 987654, code=1).err


def test_failures_of_unknown_cause_are_left_alone_and_reported(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, ids = make_scene(shared_client, job("a"), job("b"))
    fail_all(shared_client, workflow_id, dict.fromkeys(ids, BROKEN))
    expected = """\
Diagnosing failures...
Applying recovery heuristics...
  2 job(s) with unknown failure cause (skipped, use --retry-unknown to include)

No recoverable jobs found. 2 job(s) failed with unknown causes.
Use --retry-unknown to retry jobs with unknown failure causes.
Or use the Torc MCP server with your AI assistant to investigate.
"""
    assert torc("recover", workflow_id, code=1).out == expected
    assert torc("recover", workflow_id, "--dry-run", code=1).out == expected
    assert shared_client.workflow_status(workflow_id).run_id == 1
    retried = torc("recover", workflow_id, "--retry-unknown").out
    assert "  - 2 job(s) with unknown failures reset" in retried


def test_nothing_is_recovered_while_a_job_runs(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (hungry, _) = make_scene(shared_client, job("hungry"), job("running"))
    claim_all(shared_client, workflow_id)
    end(shared_client, hungry, OOM)
    printed = torc("recover", workflow_id, code=1)
    assert f"Cannot recover: 1 job(s) of workflow {workflow_id} are pending or running" in printed.err
    assert statuses(shared_client, workflow_id) == {"hungry": "failed", "running": "running"}


def test_jobs_that_are_ready_are_no_obstacle(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (hungry, late, free) = make_scene(shared_client, job("hungry"), job("late"), job("free"))
    fail_all(shared_client, workflow_id, {hungry: OOM, late: TIMEOUT, free: BROKEN})
    shared_client.retry_job(free, run_id=1, max_retries=9)
    torc("recover", workflow_id)
    assert set(statuses(shared_client, workflow_id).values()) == {"ready"}
    again = torc("recover", workflow_id)
    assert "No failed or terminated jobs to recover." in again.out
    assert f"3 job(s) can go on with: torc run {workflow_id}" in again.out


def test_nobody_gets_more_than_is_allowed(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (hungry, late) = make_scene(shared_client, job("hungry"), job("late"))
    fail_all(shared_client, workflow_id, {hungry: OOM, late: TIMEOUT})
    done = torc("recover", workflow_id, "--max-memory", "8g", "--max-runtime", "PT70M").out
    assert f"  Job {hungry} (hungry): OOM detected, not retried: Its memory 8g cannot be raised: it may get 8g." in done
    assert f"  Job {late} (late): Timeout detected, increasing runtime PT1H -> PT1H10M" in done
    assert statuses(shared_client, workflow_id) == {"hungry": "failed", "late": "ready"}


def adjustments(data: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (each["job_ids"], each.get("original_memory"), each.get("new_memory"), each.get("new_runtime"))
        for each in data["result"]["adjustments"]
    ]


def test_json_says_the_same_for_what_is_proposed_and_what_is_done(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (hungry, late, broken) = make_scene(
        shared_client, *(job(name) for name in ("hungry", "late", "broken"))
    )
    fail_all(shared_client, workflow_id, {hungry: OOM, late: TIMEOUT, broken: BROKEN})
    proposed = torc("recover", workflow_id, "--dry-run", "-f", "json").json
    done = torc("-f", "json", "recover", workflow_id).json
    assert (proposed["dry_run"], done["dry_run"]) == (True, False)
    assert proposed["result"] == done["result"]
    assert adjustments(done) == [([hungry], "8g", "13g", None), ([late], None, None, "PT1H24M")]
    assert done["result"]["jobs_to_retry"] == [hungry, late]
    assert (done["result"]["oom_fixed"], done["result"]["timeout_fixed"], done["result"]["other_failures"]) == (1, 1, 1)
    assert (done["memory_multiplier"], done["runtime_multiplier"]) == (1.5, 1.4)
    violations = {each["job_id"]: each for each in done["diagnosis"]["resource_violations"]}
    assert violations[hungry]["likely_oom"] is True
    assert violations[late]["likely_timeout"] is True
    assert done["applied"]["reset_count"] == 2
    assert done["applied"]["run_id"] == 2


def test_json_of_a_refusal_is_an_object_with_the_error(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("running"))
    claim_all(shared_client, workflow_id)
    refused = torc("recover", workflow_id, "-f", "json", code=1).json
    assert (refused["workflow_id"], refused["dry_run"]) == (workflow_id, False)
    assert "Cannot recover" in refused["error"]
    assert "more than 1" in torc("recover", workflow_id, "--memory-multiplier", "1", "-f", "json", code=2).json["error"]
