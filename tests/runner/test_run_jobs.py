"""Whole runs against a real server: what jobs get, what they leave, what is recorded."""

import json
from pathlib import Path

import pytest
from running import create, job, run

from runner.summary import ExitReason
from torc_client.http import TorcClient
from torc_core.api.drafts import FileDraft, ResourceRequirementsDraft

MIB = 1 << 20


def test_all_jobs_complete_and_the_run_ends(client: TorcClient, tmp_path: Path) -> None:
    ran = run(client, create(client, *["true"] * 20), tmp_path / "out")
    assert ran.summary.reason is ExitReason.COMPLETE
    assert (ran.summary.started, ran.summary.completed) == (20, 20)
    assert set(ran.statuses().values()) == {"completed"}


def test_dependents_start_when_what_they_wait_for_is_done(client: TorcClient, tmp_path: Path) -> None:
    order = tmp_path / "order"
    jobs = [job(f"j{n}", f"echo {n} >> {order}", depends_on=[n - 1] if n else []) for n in range(15)]
    ran = run(client, create(client, *jobs), tmp_path / "out")
    assert ran.summary.completed == 15
    assert order.read_text().split() == [str(n) for n in range(15)]


def test_a_job_knows_who_it_is(client: TorcClient, tmp_path: Path) -> None:
    names = ("WORKFLOW_ID", "JOB_ID", "JOB_NAME", "OUTPUT_DIR", "ATTEMPT_ID", "RUN_ID", "API_URL")
    workflow_id = create(client, job("who", "; ".join(f'echo "$TORC_{name}"' for name in names)))
    ran = run(client, workflow_id, tmp_path / "out")
    job_id = ran.jobs()["who"].id
    expected = [workflow_id, job_id, "who", tmp_path / "out", 1, ran.summary.run_id, client.url]
    assert ran.log("who").splitlines() == [str(value) for value in expected]


def test_the_environment_of_workflow_and_job_is_set_and_the_jobs_wins(client: TorcClient, tmp_path: Path) -> None:
    one = job("one", 'echo "$A $B"', env={"B": "job", "TORC_JOB_ID": "mine"})
    ran = run(client, create(client, one, env={"A": "workflow", "B": "workflow"}), tmp_path / "out")
    assert ran.log("one") == "workflow job\n"


def test_the_invocation_script_stands_before_the_command(client: TorcClient, tmp_path: Path) -> None:
    wrapped = job("wrapped", "echo hello", invocation_script="X=1 bash -c 'echo $X; \"$@\"' --")
    ran = run(client, create(client, wrapped), tmp_path / "out")
    assert ran.log("wrapped") == "1\nhello\n"


def test_an_invocation_script_of_several_lines_stands_above_the_command(client: TorcClient, tmp_path: Path) -> None:
    wrapped = job("wrapped", "echo $X", invocation_script="X=1\nX=$((X + 1))\n")
    ran = run(client, create(client, wrapped), tmp_path / "out")
    assert ran.log("wrapped") == "2\n"


def test_jobs_run_in_the_working_directory_of_the_runner(
    client: TorcClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run(client, create(client, "pwd"), Path("out"))
    assert ran.log("job1") == f"{tmp_path}\n"
    assert (tmp_path / "out" / "job_stdio").is_dir()


@pytest.mark.parametrize(
    ("stdio", "endings"),
    [
        ({}, {"o", "e"}),
        ({"mode": "combined"}, {"log"}),
        ({"mode": "no_stdout"}, {"e"}),
        ({"mode": "no_stderr"}, {"o"}),
        ({"mode": "none"}, set()),
        ({"delete_on_success": True}, set()),
    ],
)
def test_output_goes_where_the_workflow_says(
    client: TorcClient, tmp_path: Path, stdio: dict[str, object], endings: set[str]
) -> None:
    ran = run(client, create(client, "echo a; echo b >&2", execution_config={"stdio": stdio}), tmp_path / "out")
    assert ran.summary.completed == 1
    assert {path.suffix.lstrip(".") for path in (tmp_path / "out" / "job_stdio").iterdir()} == endings


def test_output_of_a_failed_job_is_kept_even_where_that_of_others_is_not(client: TorcClient, tmp_path: Path) -> None:
    config = {
        "stdio": {"mode": "combined", "delete_on_success": True},
        "job_stdio_overrides": {"job2": {"mode": "none"}},
    }
    ran = run(client, create(client, "echo why; false", "false", execution_config=config), tmp_path / "out")
    assert ran.log("job1", "log") == "why\n"
    assert len(list((tmp_path / "out" / "job_stdio").iterdir())) == 1


def test_the_result_says_how_long_and_how_large(client: TorcClient, tmp_path: Path) -> None:
    hungry = "python3 -c 'import time; x = b\"x\" * (150 << 20); time.sleep(0.3)'"
    ran = run(client, create(client, hungry, "true"), tmp_path / "out")
    large, small = ran.results("job1")[0], ran.results("job2")[0]
    assert 150 * MIB <= (large.peak_memory_bytes or 0) < 220 * MIB
    assert 0 < (small.peak_memory_bytes or 0) < 20 * MIB
    assert 0.3 / 60 <= large.exec_time_minutes < 0.5
    assert large.cpu_time_s is not None and large.cpu_time_s > 0.01
    assert (large.return_code, large.attempt_id, large.run_id) == (0, 1, ran.summary.run_id)
    assert large.completion_time.endswith("Z") and large.completion_time[-5] == "."


def test_a_job_that_lives_longer_is_sampled_over_its_whole_tree(client: TorcClient, tmp_path: Path) -> None:
    child = "python3 -c 'import time; x = b\"x\" * (60 << 20); time.sleep(2.2)'"
    ran = run(client, create(client, f"{child} & {child} & {child} & wait"), tmp_path / "out", sample_interval_s=0.5)
    result = ran.results("job1")[0]
    assert (result.peak_memory_bytes or 0) >= 180 * MIB
    assert (result.avg_memory_bytes or 0) >= 100 * MIB


def test_a_death_by_signal_is_128_and_its_number(client: TorcClient, tmp_path: Path) -> None:
    ran = run(client, create(client, "kill -SEGV $$"), tmp_path / "out")
    assert ran.results("job1")[0].return_code == 139


def test_a_missing_output_file_turns_success_into_failure(client: TorcClient, tmp_path: Path) -> None:
    there, absent = tmp_path / "there", tmp_path / "absent"
    draft = {"files": [FileDraft(name="there", path=str(there)), FileDraft(name="absent", path=str(absent))]}
    workflow_id = create(
        client,
        job("good", f"touch {there}", output_files=[0]),
        job("bad", "true", output_files=[1]),
        draft=draft,
    )
    ran = run(client, workflow_id, tmp_path / "out")
    assert ran.statuses() == {"good": "completed", "bad": "pending_failed"}
    assert ran.results("bad")[0].return_code == 1
    evidence = client.job_evidence(ran.jobs()["bad"].id or 0).evidence
    assert (evidence.verdict, evidence.missing_output_files) == ("missing_output", (str(absent),))
    stored = {file.name: file.st_mtime for file in client.files.list_all(workflow_id=workflow_id)}
    assert stored["there"] == pytest.approx(there.stat().st_mtime)
    assert stored["absent"] is None


def test_gpus_are_given_to_one_job_each(client: TorcClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    needs = [ResourceRequirementsDraft(name="gpu", num_gpus=1)]
    jobs = [job(f"g{n}", 'echo "$CUDA_VISIBLE_DEVICES"; sleep 0.2', resource_requirements=0) for n in range(4)]
    ran = run(client, create(client, *jobs, needs=needs), tmp_path / "out")
    assert sorted(ran.log(f"g{n}").strip() for n in range(4)) == ["3", "3", "5", "5"]


def test_a_job_whose_log_cannot_be_written_fails_with_the_reason(client: TorcClient, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = job("first", f"rmdir_me={out}/job_stdio; rm -r $rmdir_me; touch $rmdir_me")
    ran = run(client, create(client, first, job("second", "true", depends_on=[0])), out)
    assert ran.statuses()["second"] == "pending_failed"
    evidence = client.job_evidence(ran.jobs()["second"].id or 0).evidence
    assert evidence.verdict == "spawn_failed"
    assert "Not a directory" in evidence.stderr_tail


def test_the_runner_writes_what_it_did_into_its_log(client: TorcClient, tmp_path: Path) -> None:
    ran = run(client, create(client, "exit 3"), tmp_path / "out")
    (log,) = (tmp_path / "out").glob(f"job_runner_*_wf{ran.workflow_id}_r{ran.summary.run_id}.log")
    text = log.read_text()
    assert "start job" in text
    assert "return code 3" in text
    assert "leaving" in text


def test_the_runner_registers_itself_and_signs_off(client: TorcClient, tmp_path: Path) -> None:
    ran = run(client, create(client, "true"), tmp_path / "out")
    (node,) = client.compute_nodes.list_all(workflow_id=ran.workflow_id)
    assert (node.num_cpus, node.memory_gb, node.is_active, node.compute_node_type) == (4, 8.0, False, "local")
    assert (node.duration_seconds or 0) > 0
    assert {"boot_id", "pid_start_time"} <= set(json.loads(json.dumps(node.scheduler)))
