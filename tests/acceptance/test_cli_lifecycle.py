"""Initialize, reinitialize, reset, cancel, archive, delete, clean up."""

import json

import pytest
from helpers import make_workflow, wait_until
from torc_process import SpecWriter, Torc

from torc_client.http import TorcClient
from torc_client.processes import host_facts
from torc_core.api.drafts import JobDraft
from torc_core.api.jobs import ComputeNodesResources, StartJobsRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.jobs.lifecycle import INFRASTRUCTURE_FAULT_LIMIT
from torc_core.jobs.status import JobStatus


def create(torc: Torc, *arguments: object) -> int:
    return int(torc("create", *arguments, "-f", "json").json["workflow_id"])


def test_init_dry_run_says_what_is_missing(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={"a": {"command": "cp in.txt out.txt", "input_files": ["in"], "output_files": ["out"]}},
        files=[{"name": "in", "path": "in.txt"}, {"name": "out", "path": "out.txt"}],
    )
    workflow_id = create(torc, path)
    unsafe = torc("init", workflow_id, "--dry-run", "-f", "json", code=1).json
    assert unsafe["missing_input_files"] == ["in.txt"]
    assert torc("init", workflow_id, code=1).err.startswith("Error: ")
    (torc.folder / "in.txt").write_text("x")
    (torc.folder / "out.txt").write_text("old")
    safe = torc("workflows", "initialize", workflow_id, "--dry-run", "-f", "json").json
    assert safe["safe"] is True
    assert safe["existing_output_files"] == ["out.txt"]
    started = torc("init", workflow_id)
    assert "1 job ready" in started.out
    assert "out.txt exists" in started.err


def test_reinit_runs_again_what_changed_and_what_depends_on_it(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={
            "copy": {"command": "cat in.txt > out.txt", "input_files": ["in"], "output_files": ["out"]},
            "use": {"command": "cat out.txt >> used.txt", "input_files": ["out"]},
            "apart": "echo once >> apart.txt",
        },
        files=[{"name": "in", "path": "in.txt"}, {"name": "out", "path": "out.txt"}],
    )
    (torc.folder / "in.txt").write_text("first\n")
    workflow_id = torc("run", path, "-f", "json").json["workflow_id"]
    unchanged = torc("reinit", workflow_id, "-f", "json").json
    assert unchanged["reset_jobs"] == []
    assert unchanged["ready_count"] == 0
    (torc.folder / "in.txt").write_text("second\n")
    changed = torc("workflows", "reinit", workflow_id, "-f", "json").json
    assert changed["reset_jobs"] == ["copy"]
    torc("run", workflow_id)
    assert (torc.folder / "used.txt").read_text() == "first\nsecond\n"
    assert (torc.folder / "apart.txt").read_text() == "once\n"
    (torc.folder / "out.txt").unlink()
    assert torc("reinit", workflow_id, "-f", "json").json["reset_jobs"] == ["copy"]


def test_init_begins_a_finished_workflow_anew(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = torc("run", spec(jobs={"a": "echo again >> a.txt"}), "-f", "json").json["workflow_id"]
    started = torc("init", workflow_id, "-f", "json").json
    assert (started["run_id"], started["ready_count"]) == (2, 1)
    torc("run", workflow_id)
    assert (torc.folder / "a.txt").read_text() == "again\nagain\n"


def test_reset_status_reports_its_steps(torc: Torc, spec: SpecWriter) -> None:
    path = spec(jobs={"bad": "exit 1", "after": {"command": "true", "depends_on": ["bad"]}, "good": "true"})
    workflow_id = torc("run", path, "-f", "json", code=1).json["workflow_id"]
    data = torc("workflows", "reset-status", workflow_id, "--failed-only", "-r", "--no-prompts", "-f", "json").json
    assert data["status"] == "success"
    assert data["operations"]["job_reset"] == {"updated_count": 1}
    assert data["operations"]["reinitialize"] == {"ready_count": 1, "blocked_count": 1}
    counts = torc("status", workflow_id, "-f", "json").json["jobs_by_status"]
    assert (counts["ready"], counts["blocked"], counts["completed"]) == (1, 1, 1)


def test_a_canceled_workflow_runs_again_after_reinit(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = create(torc, spec(jobs={"a": "true"}))
    assert "Canceled workflow" in torc("cancel", workflow_id).out
    refused = torc("run", workflow_id, code=1)
    assert f"torc reinit {workflow_id}" in refused.err
    torc("workflows", "reset-status", workflow_id)
    assert torc("run", workflow_id, "-f", "json").json["success"] is True


def test_reinit_after_a_cancel_sends_back_what_was_canceled_and_counts_what_is_ready(
    torc: Torc, spec: SpecWriter
) -> None:
    path = spec(
        jobs={
            "long": "if test -e go; then exit 0; fi; touch started; sleep 600",
            "behind": {"command": "true", "depends_on": ["long"]},
            "other": "true",
            "last": "true",
        }
    )
    workflow_id = create(torc, path)
    with torc.start("run", workflow_id, "--max-parallel-jobs", 1) as runner:
        wait_until((torc.folder / "started").exists, "the job runs", timeout_s=30)
        torc("cancel", workflow_id)
        runner.communicate(timeout=60)
    steps = torc("status", workflow_id).out
    assert f"torc reinit {workflow_id} " in steps
    assert "recover" not in steps
    (torc.folder / "go").touch()
    started = torc("reinit", workflow_id, "-f", "json").json
    assert (started["ready_count"], started["blocked_count"]) == (3, 1)
    assert torc("reinit", workflow_id, "-f", "json").json["ready_count"] == 3
    assert torc("run", workflow_id, "-f", "json").json["success"] is True


def test_a_reset_and_what_follows_it_begin_one_run(torc: Torc, spec: SpecWriter) -> None:
    path = spec(jobs={"bad": "test -e go || exit 1", "good": "true"})
    workflow_id = torc("run", path, "-f", "json", code=1).json["workflow_id"]
    assert "run 2" in torc("workflows", "reset-status", workflow_id, "--failed-only").out
    assert torc("workflows", "reinit", workflow_id, "-f", "json").json["run_id"] == 2
    assert torc("workflows", "reinit", workflow_id, "-f", "json").json["run_id"] == 2
    (torc.folder / "go").touch()
    assert torc("run", workflow_id, "-f", "json").json["run_id"] == 2
    nothing = torc("workflows", "reset-status", workflow_id, "--failed-only", "-f", "json").json
    assert nothing["run_id"] == 2
    assert nothing["operations"]["job_reset"] == {"updated_count": 0}
    assert torc("init", workflow_id, "-f", "json").json["run_id"] == 3


def test_an_archived_workflow_is_left_alone(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = create(torc, spec(jobs={"a": "true"}))
    torc("workflows", "archive", "true", workflow_id)
    refused = torc("run", workflow_id, code=1)
    assert f"torc workflows archive false {workflow_id}" in refused.err
    assert torc("init", workflow_id, code=1).err
    torc("workflows", "archive", "false", workflow_id)
    torc("run", workflow_id)


def test_delete_takes_everything_with_it(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = torc("run", spec(jobs={"a": "true"}), "-f", "json").json["workflow_id"]
    assert torc("delete", workflow_id, "-f", "json").json["id"] == workflow_id
    assert f"{workflow_id}" in torc("jobs", "list", workflow_id, code=1).err


def test_sync_status_cleans_up_after_a_killed_runner(torc: Torc, spec: SpecWriter, shared_client: TorcClient) -> None:
    workflow_id = create(torc, spec(jobs={"long": "touch started; sleep 600"}))
    with torc.start("run", workflow_id) as runner:
        wait_until((torc.folder / "started").exists, "the job runs", timeout_s=30)
        calm = torc("workflows", "sync-status", workflow_id)
        assert "in sync" in calm.out
        runner.kill()
    preview = torc("workflows", "sync-status", workflow_id, "--dry-run", "-f", "json").json
    assert (preview["jobs_requeued"], preview["running_jobs_failed"]) == (1, 0)
    assert preview["requeued_job_details"][0]["job_name"] == "long"
    assert shared_client.workflow_status(workflow_id).jobs_by_status[JobStatus.RUNNING] == 1
    done = torc("workflows", "sync-status", workflow_id)
    assert "Total: 1 job(s) requeued" in done.out
    assert f"torc run {workflow_id}" in done.out
    (job,) = shared_client.jobs.list_all(workflow_id=workflow_id)
    assert (job.status, job.attempt_id, job.infrastructure_faults) == (JobStatus.READY, 2, 1)
    (result,) = torc("results", "list", workflow_id, "--all-runs", "-f", "json").json
    assert result["return_code"] == -128
    assert shared_client.workflow_status(workflow_id).active_compute_nodes == 0


@pytest.mark.parametrize("status", ["failed", "pending_failed"])
def test_sync_status_fails_a_job_that_was_lost_too_often_and_names_its_status(
    torc: Torc, shared_client: TorcClient, status: str
) -> None:
    workflow_id, job_ids = make_workflow(
        shared_client, JobDraft(name="lost", command="true"), use_pending_failed=status == "pending_failed"
    )
    for _ in range(INFRASTRUCTURE_FAULT_LIMIT + 1):
        node_id = lost_runner(shared_client, workflow_id, job_ids)
        done = torc("workflows", "sync-status", workflow_id)
    assert f"Total: 1 job(s) marked as {status}" in done.out
    assert f"torc recover {workflow_id}" in done.out
    assert shared_client.jobs.get(job_ids[0]).status == status
    assert shared_client.compute_nodes.get(node_id).is_active is False


def lost_runner(client: TorcClient, workflow_id: int, job_ids: list[int]) -> int:
    """Return the id of a runner of this machine that started the jobs and whose process is gone."""
    host = host_facts()
    node = ComputeNodeModel(
        workflow_id=workflow_id,
        hostname=host.hostname,
        pid=2**22 + 1,  # above the largest pid that there can be
        start_time="2026-01-01T00:00:00Z",
        num_cpus=4,
        num_gpus=0,
        num_nodes=1,
        memory_gb=8,
        compute_node_type="local",
        scheduler={"boot_id": host.boot_id, "pid_namespace": host.pid_namespace, "pid_start_time": 1},
    )
    node_id = client.compute_nodes.create(node).id or 0
    offer = ComputeNodesResources(id=node_id, num_cpus=4, num_gpus=0, num_nodes=1, memory_gb=8)
    client.claim_jobs(workflow_id, offer, limit=1)
    client.start_jobs(workflow_id, StartJobsRequest(run_id=1, compute_node_id=node_id, job_ids=job_ids))
    return node_id


def test_events_can_be_watched_as_they_happen(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = create(torc, spec(jobs={"a": "true"}))
    with torc.start("events", "monitor", workflow_id, "-d", "1", "-f", "json") as monitor:
        assert monitor.stdout is not None
        torc("run", workflow_id)
        first = json.loads(monitor.stdout.readline())
        assert first["workflow_id"] == workflow_id
        monitor.terminate()


def test_the_state_of_a_workflow_is_reported_for_people_and_programs(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = create(torc, spec(jobs={"a": "true"}))
    assert "not started yet" in torc("status", workflow_id).out
    assert torc("workflows", "status", workflow_id, "-f", "json").json["total_jobs"] == 1
    assert torc("workflows", "is-complete", workflow_id, "-f", "json").json["is_complete"] is False


def test_an_exported_workflow_can_be_imported_and_runs_as_the_first_did(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={
            "write": {"command": "echo x > out.txt", "output_files": ["out"], "failure_handler": "again"},
            "read": {"command": "cat out.txt >> read.txt", "input_files": ["out"], "resource_requirements": "small"},
            "last": {"command": "true", "depends_on": ["read"]},
        },
        files=[{"name": "out", "path": "out.txt"}],
        resource_requirements=[{"name": "small", "num_cpus": 1, "memory": "20m"}],
        failure_handlers=[{"name": "again", "rules": [{"match_all_exit_codes": True, "max_retries": 2}]}],
        actions=[{"trigger_type": "on_workflow_complete", "action_type": "run_commands", "commands": ["touch done"]}],
    )
    first = torc("run", path, "-f", "json").json["workflow_id"]
    document = torc("workflows", "export", first, "--include-results").out
    assert len(json.loads(document)["results"]) == 3
    second = torc("workflows", "import", "-", "--name", "copy", "-f", "json", stdin=document).json["workflow_id"]
    (torc.folder / "output" / "done").unlink()
    assert torc("run", second, "-f", "json").json["success"] is True
    assert (torc.folder / "read.txt").read_text() == "x\nx\n"
    assert (torc.folder / "output" / "done").exists()
    assert "no exported workflow" in torc("workflows", "import", path, code=2).err
