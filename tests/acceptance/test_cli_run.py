"""`torc run`: from a file to the end, with the exit code and the report that fit."""

import signal

import pytest
from helpers import wait_until
from torc_process import SpecWriter, Torc

from torc_client.http import TorcClient
from torc_client.processes import process_identity


def test_a_workflow_of_successes_ends_with_0(torc: Torc, spec: SpecWriter) -> None:
    path = spec(jobs={"a": "echo one > a.txt", "b": {"command": "cat a.txt", "depends_on": ["a"]}})
    printed = torc("run", path)
    assert "Created workflow" in printed.out
    assert "2 completed" in printed.out
    assert "every job succeeded" in printed.out
    assert (torc.folder / "a.txt").read_text() == "one\n"


def test_json_is_the_only_thing_on_stdout(torc: Torc, spec: SpecWriter) -> None:
    report = torc("run", spec(jobs={"a": "echo noise", "b": "echo more >&2"}), "-f", "json").json
    assert report["success"] is True
    assert report["jobs_by_status"]["completed"] == 2
    assert report["failures"] == []
    again = torc("run", report["workflow_id"], "-f", "json")
    assert again.json["success"] is True
    assert "complete already" in again.err


def test_a_failure_that_waits_for_a_decision_ends_with_1_and_says_how_to_go_on(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={
            "bad": "echo 'ValueError: no such column' >&2; exit 3",
            "good": "true",
            "later": {"command": "true", "depends_on": ["bad"]},
        }
    )
    printed = torc("run", path, code=1)
    assert "1 pending failed" in printed.out
    assert "return code 3" in printed.out
    assert "ValueError" in printed.out
    assert "torc failures list" in printed.out


def test_a_final_failure_ends_with_1_and_cancels_what_depends_on_it(torc: Torc, spec: SpecWriter) -> None:
    path = spec(jobs={"bad": "exit 3", "later": {"command": "true", "depends_on": ["bad"]}}, use_pending_failed=False)
    report = torc("run", path, "-f", "json", code=1).json
    assert report["is_complete"] is True
    assert (report["jobs_by_status"]["failed"], report["jobs_by_status"]["canceled"]) == (1, 1)
    assert report["failures"][0]["return_code"] == 3
    assert any("reset-status" in step for step in report["next_commands"])


def test_missing_input_files_are_named_before_anything_runs(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={"a": {"command": "cat in.txt", "input_files": ["input"]}}, files=[{"name": "input", "path": "in.txt"}]
    )
    before = torc("workflows", "list", "-f", "json").json
    refused = torc("run", path, code=1)
    assert "in.txt" in refused.err
    assert "--skip-checks" in refused.err
    assert "jobs completed" not in refused.err
    assert torc("workflows", "list", "-f", "json").json == before
    created = torc("create", path, "-f", "json")
    assert "in.txt does not exist yet" in created.err
    assert "--skip-checks" in torc("run", created.json["workflow_id"], code=1).err
    assert torc("run", path, "--skip-checks", code=1).out
    (torc.folder / "in.txt").write_text("here\n")
    torc("run", path)


@pytest.mark.parametrize("folder", ["plain-file/logs", "/proc/logs", "/dev/null"])
def test_an_output_directory_that_cannot_be_is_reported_before_anything_is_created(
    torc: Torc, spec: SpecWriter, folder: str
) -> None:
    (torc.folder / "plain-file").touch()
    before = torc("workflows", "list", "-f", "json").json
    refused = torc("run", spec(jobs={"a": "true"}), "-o", folder, code=2)
    assert "cannot be written" in refused.err
    assert "jobs completed" not in refused.err
    assert refused.out == ""
    assert torc("workflows", "list", "-f", "json").json == before


def test_limits_of_the_runner_are_kept(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={"big": {"command": "true", "resource_requirements": "big"}, "small": "true"},
        resource_requirements=[{"name": "big", "num_cpus": 64, "memory": "1m"}],
    )
    report = torc("run", path, "--num-cpus", 2, "--memory-gb", 1, "-o", "logs", "-f", "json", code=1).json
    assert report["jobs_by_status"]["completed"] == 1
    assert report["jobs_by_status"]["ready"] == 1
    assert "need" in report["explanation"]
    assert (torc.folder / "logs" / "job_stdio").is_dir()


def test_after_a_reset_the_same_workflow_runs_again(torc: Torc, spec: SpecWriter) -> None:
    path = spec(jobs={"a": "test -e fixed", "b": {"command": "true", "depends_on": ["a"]}, "c": "echo once >> c.txt"})
    workflow_id = torc("run", path, "-f", "json", code=1).json["workflow_id"]
    (torc.folder / "fixed").touch()
    torc("workflows", "reset-status", workflow_id, "--failed-only")
    assert torc("run", workflow_id, "-f", "json").json["success"] is True
    assert (torc.folder / "c.txt").read_text() == "once\n"


def test_an_interrupted_run_says_what_it_stopped_and_how_to_go_on(torc: Torc, spec: SpecWriter) -> None:
    path = spec(
        jobs={
            "long": f"touch {torc.folder}/started; test -e {torc.folder}/go_on || sleep 600",
            "after": {"command": "true", "depends_on": ["long"]},
        }
    )
    process = torc.start("run", path)
    wait_until((torc.folder / "started").exists, "the job runs", timeout_s=60)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert "The run was interrupted: 1 job stopped, 1 job canceled" in out
    assert "The workflow is complete" not in out
    step = next(line for line in out.splitlines() if line.endswith("# go on"))
    (torc.folder / "go_on").touch()
    ran = torc(*step.split("#")[0].split()[1:])
    assert "every job succeeded" in ran.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(
    torc: Torc, spec: SpecWriter, shared_client: TorcClient, number: signal.Signals
) -> None:
    path = spec(jobs={"long": "touch started; sleep 600", "other": "true"})
    process = torc.start("run", path, "-f", "json")
    wait_until((torc.folder / "started").exists, "the job runs", timeout_s=30)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "Traceback" not in err
    assert '"terminated": 1' in out
    workflow_id = max(workflow.id or 0 for workflow in shared_client.workflows.list_all(user="tester"))
    nodes = shared_client.compute_nodes.list_all(workflow_id=workflow_id)
    assert [(node.is_active, process_identity(node.pid)) for node in nodes] == [(False, None)]
