"""The records of a workflow from the command line."""

import json
import subprocess
from dataclasses import replace

import pytest
from helpers import ended, make_runner
from torc_process import SpecWriter, Torc

from torc_client.http import TorcClient
from torc_core.api.jobs import JobModel
from torc_core.api.workflows import WorkflowModel
from torc_core.jobs.status import JobStatus


@pytest.fixture
def workflow_id(shared_client: TorcClient) -> int:
    created = shared_client.workflows.create(WorkflowModel(name="records", user="tester"))
    assert created.id is not None
    return created.id


def test_format_is_accepted_before_and_after_the_command(torc: Torc, workflow_id: int) -> None:
    after = torc("workflows", "get", workflow_id, "-f", "json").json
    before = torc("-f", "json", "workflows", "get", workflow_id).json
    assert after == before
    assert after["name"] == "records"
    assert torc("--format", "json", "jobs", "list", workflow_id, "--format", "table").out == ""


def test_lists_are_bare_arrays_that_jq_can_read(torc: Torc, workflow_id: int, shared_client: TorcClient) -> None:
    jobs = [JobModel(workflow_id=workflow_id, name=name, command="true") for name in ("a", "b")]
    ids = [job.id for job in shared_client.create_jobs(jobs)]
    listed = torc("jobs", "list", workflow_id, "--status", "uninitialized", "-f", "json")
    jq = subprocess.run(["jq", "-r", ".[].id"], input=listed.out, capture_output=True, text=True, check=True)
    assert [int(line) for line in jq.stdout.split()] == ids
    assert torc("jobs", "list", workflow_id, "--status", "failed", "-f", "json").json == []


def test_the_hook_script_of_the_guide_finds_and_changes_the_requirements(
    torc: Torc, workflow_id: int, shared_client: TorcClient
) -> None:
    needs = torc("resource-requirements", "create", workflow_id, "-n", "spark", "-m", "2g", "-f", "json").json
    (job,) = shared_client.create_jobs(
        [JobModel(workflow_id=workflow_id, name="a", command="true", resource_requirements_id=needs["id"])]
    )
    found = torc("jobs", "get", job.id, "-f", "json").json["resource_requirements_id"]
    assert found == needs["id"]
    assert "Updated" in torc("resource-requirements", "update", found, "--num-nodes", "16").out
    assert torc("resource-requirements", "get", found, "-f", "json").json["num_nodes"] == 16


def test_more_memory_for_one_job_leaves_the_others_theirs(
    torc: Torc, workflow_id: int, shared_client: TorcClient
) -> None:
    first, second = shared_client.create_jobs(
        [JobModel(workflow_id=workflow_id, name=name, command="true") for name in ("a", "b")]
    )
    changed = torc("jobs", "update", first.id, "--memory", "3g", "--priority", "5", "-f", "json").json
    assert changed["priority"] == 5
    rows = torc("jobs", "list-resource-requirements", workflow_id, "-f", "json").json
    assert {row["job_id"]: row["memory"] for row in rows} == {first.id: "3g", second.id: "1m"}


def test_files_are_created_listed_changed_and_deleted(torc: Torc, workflow_id: int) -> None:
    (torc.folder / "in.txt").write_text("x")
    created = torc("files", "create", workflow_id, "-n", "input", "-p", "in.txt", "-f", "json").json
    assert created["st_mtime"] is not None
    assert "in.txt" in torc("files", "list", workflow_id).out
    torc("files", "update", created["id"], "--path", "other.txt")
    assert torc("files", "get", created["id"], "-f", "json").json["path"] == "other.txt"
    assert "Deleted file" in torc("files", "delete", created["id"]).out
    gone = torc("files", "get", created["id"], code=1)
    assert gone.err.startswith("Error: ")
    assert gone.out == ""


def test_user_data_holds_any_json(torc: Torc, workflow_id: int) -> None:
    created = torc("user-data", "create", workflow_id, "-n", "u", "-d", '{"a": [1, 2]}', "-f", "json").json
    assert created["data"] == {"a": [1, 2]}
    torc("user-data", "update", created["id"], "--data", "[3]")
    assert torc("user-data", "list", workflow_id, "-f", "json").json[0]["data"] == [3]
    assert "is no JSON" in torc("user-data", "update", created["id"], "--data", "{nonsense", code=2).err


def test_jobs_come_from_a_file_of_commands(torc: Torc, workflow_id: int) -> None:
    (torc.folder / "commands.txt").write_text("# two jobs\necho one\n\n  echo two  \n")
    answer = torc("jobs", "create-from-file", workflow_id, "commands.txt", "--memory-per-job", "5m", "-f", "json").json
    assert answer["jobs_created"] == 2
    listed = torc("jobs", "list", workflow_id, "-f", "json").json
    assert [(job["name"], job["command"]) for job in listed] == [("job1", "echo one"), ("job2", "echo two")]


def test_jobs_of_a_file_have_no_limits_unless_some_are_named(
    torc: Torc, workflow_id: int, shared_client: TorcClient
) -> None:
    (torc.folder / "commands.txt").write_text("true\n")
    torc("jobs", "create-from-file", workflow_id, "commands.txt")
    torc("jobs", "create-from-file", workflow_id, "commands.txt", "--memory-per-job", "5m")
    jobs = shared_client.jobs.list_all(workflow_id=workflow_id, sort_by="id")
    plain, limited = (shared_client.resource_requirements.get(job.resource_requirements_id or 0) for job in jobs)
    assert plain.name == "default"
    assert (limited.memory, limited.runtime) == ("5m", "PT0S")


def test_a_limit_counts_what_the_filters_left(torc: Torc, workflow_id: int, shared_client: TorcClient) -> None:
    jobs = [JobModel(workflow_id=workflow_id, name=name, command="true") for name in ("a", "b", "c")]
    ids = [job.id or 0 for job in shared_client.create_jobs(jobs)]
    shared_client.initialize_jobs(workflow_id)
    runner = make_runner(shared_client, workflow_id)
    shared_client.claim_next_jobs(workflow_id, limit=3)
    ends = zip(ids, (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.TERMINATED), strict=True)
    shared_client.complete_jobs(
        workflow_id, [ended(each, workflow_id=workflow_id, runner_id=runner, status=status) for each, status in ends]
    )
    failed = torc("results", "list", workflow_id, "--failed", "--limit", "1", "-f", "json").json
    assert [result["job_id"] for result in failed] == [ids[1]]
    hook = replace(torc, environment={"TORC_RECOVERY_HOOK": "1"})
    listed = hook("jobs", "list", workflow_id, "--status", "failed", "--limit", "1", "-f", "json").json
    assert [job["id"] for job in listed] == [ids[1]]
    both = hook("jobs", "list", workflow_id, "--status", "failed", "--sort-by", "id", "--reverse-sort", "-f", "json")
    assert [job["id"] for job in both.json] == [ids[2], ids[1]]


def test_events_are_stored_and_the_newest_is_found(torc: Torc, workflow_id: int) -> None:
    torc("events", "create", workflow_id, "-d", '{"category": "mine"}')
    assert torc("events", "get-latest-event", workflow_id, "-f", "json").json["data"] == {"category": "mine"}
    assert len(torc("events", "list", workflow_id, "-c", "mine", "-f", "json").json) == 1


def test_the_only_workflow_is_meant_when_none_is_named(torc: Torc) -> None:
    hermit = Torc(torc.folder, torc.url, {"USER": "hermit"})
    nothing = hermit("status", code=2)
    assert "no workflow of user hermit" in nothing.err
    only = json.loads(hermit("workflows", "new", "-n", "only", "-f", "json").out)["id"]
    assert hermit("status", "-f", "json").json["workflow_id"] == only
    second = hermit("workflows", "new", "-n", "second", "-f", "json").json["id"]
    unclear = hermit("status", code=2)
    assert f"{only}  only" in unclear.err
    assert f"{second}  second" in unclear.err
    hermit("workflows", "archive", "true", second)
    assert [row["id"] for row in hermit("workflows", "list", "-f", "json").json] == [only]
    assert [row["id"] for row in hermit("workflows", "list", "--archived-only", "-f", "json").json] == [second]


def test_the_environment_of_a_job_is_that_of_the_workflow_with_its_own(torc: Torc) -> None:
    path = torc.folder / "env.yaml"
    path.write_text(
        "name: env\nenv: {A: workflow, B: workflow}\njobs:\n- {name: a, command: 'echo $A $B', env: {B: job}}\n"
    )
    workflow_id = torc("create", path, "-f", "json").json["workflow_id"]
    job_id = torc("jobs", "list", workflow_id, "-f", "json").json[0]["id"]
    rows = {row["name"]: (row["value"], row["source"]) for row in torc("jobs", "env", job_id, "-f", "json").json}
    assert (rows["A"], rows["B"]) == (("workflow", "workflow"), ("job", "job"))
    assert rows["TORC_JOB_NAME"] == ("a", "torc")
    torc("run", workflow_id)
    assert torc("jobs", "logs", job_id, "--stdout").out.split()[-2:] == ["workflow", "job"]


def test_the_audit_log_is_listed(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = torc("create", spec(jobs={"a": "true"}), "-f", "json").json["workflow_id"]
    torc("delete", workflow_id, "--force")
    entries = torc("admin", "list-audit-log", "--limit", "5", "-f", "json").json
    assert f"/workflows/{workflow_id}" in [entry["path"] for entry in entries if entry["method"] == "DELETE"]
