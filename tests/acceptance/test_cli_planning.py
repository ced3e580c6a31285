"""What is known before a run: the order of jobs, files that are missing or in the way, mistakes in every language."""

import os
import sys
from pathlib import Path

import pytest
import yaml
from helpers import ServerProcess
from torc_process import EXAMPLES, Torc

STUDY = """name: study
files: [{name: raw, path: raw.csv}, {name: "out_{i}", path: "out_{i}.csv", parameters: {i: "1:4"}}]
jobs:
  - name: "simulate_{i}"
    command: cp ${files.input.raw} ${files.output.out_{i}}
    parameters: {i: "1:4"}
  - {name: report, command: cat out_*.csv, input_file_regexes: [^out_]}
actions:
  - {trigger_type: on_jobs_complete, job_name_regexes: [^simulate_], action_type: run_commands, commands: [a, b]}
"""
MISTAKES = {
    "broken.yaml": "jobs:\n  - name: a\n    comand: x\n    command: x\n",
    "broken.json": '{"jobs": [\n {"name": "a", "command": "x",\n    "comand": "x"}]}',
    "broken.json5": "{jobs: [\n {name: 'a', command: 'x', // here\n    comand: 'x'}]}",
    "broken.kdl": 'job "a" {\n    command "x"\n    comand "x"\n}\n',
}


@pytest.fixture
def offline(tmp_path: Path) -> Torc:
    """Nothing here needs a server."""
    return Torc(tmp_path, "http://127.0.0.1:9/torc-service/v1")


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_any_language_is_shown_with_its_place_and_ends_with_two(offline: Torc, name: str) -> None:
    (offline.folder / name).write_text(MISTAKES[name])
    error = f"{name}:3:5: jobs[0].comand: unknown key 'comand'; did you mean 'command'?"
    assert f"Error: {error}" in offline("create", name, "--dry-run", code=2).out
    report = offline("create", name, "--dry-run", "-f", "json", code=2).json
    assert (report["valid"], report["errors"]) == (False, [error])


def test_a_check_names_inputs_that_are_missing_and_outputs_that_exist(offline: Torc) -> None:
    (offline.folder / "study.yaml").write_text(STUDY)
    (offline.folder / "out_2.csv").touch()
    report = offline("create", "study.yaml", "--dry-run", "-f", "json").json
    assert report["missing_input_files"] == ["raw.csv"]
    assert report["existing_output_files"] == ["out_2.csv"]
    assert report["warnings"] == [
        "the input file raw.csv does not exist yet, and no job produces it",
        "the output file out_2.csv exists; a run overwrites it",
    ]
    assert "Validation: PASSED (with 2 warning(s))" in offline("create", "study.yaml", "--dry-run").out
    assert "missing_input_files" not in offline("create", "study.yaml", "--dry-run", "--skip-checks", "-f", "json").json


def test_a_run_names_the_outputs_that_it_overwrites(shared_server: ServerProcess, tmp_path: Path) -> None:
    torc = Torc(tmp_path, shared_server.url)
    (tmp_path / "study.yaml").write_text(STUDY)
    assert "raw.csv" in torc("run", "study.yaml", code=1).err
    (tmp_path / "raw.csv").write_text("1\n")
    (tmp_path / "out_2.csv").touch()
    assert "Warning: the output file out_2.csv exists; a run overwrites it." in torc("run", "study.yaml").err


def test_the_plan_of_a_file_shows_its_stages_and_actions(offline: Torc) -> None:
    (offline.folder / "study.yaml").write_text(STUDY)
    printed = offline("workflows", "execution-plan", "study.yaml").out
    assert "study: 5 jobs in 2 stages" in printed
    assert all(len(line) <= 80 for line in printed.splitlines())
    plan = offline("workflows", "execution-plan", "study.yaml", "-f", "json").json
    assert (plan["source"], plan["total_jobs"], plan["root_events"], plan["leaf_events"]) == (
        "spec",
        5,
        ["stage_1"],
        ["stage_2"],
    )
    first, second = plan["events"]
    assert first["jobs_becoming_ready"] == ["simulate_1", "simulate_2", "simulate_3", "simulate_4"]
    assert first["actions"] == ["on_jobs_complete: 2 commands"]
    assert (second["jobs_becoming_ready"], second["depends_on_events"]) == (["report"], ["stage_1"])


def test_the_plan_of_a_workflow_is_that_of_its_file(shared_server: ServerProcess, tmp_path: Path) -> None:
    torc = Torc(tmp_path, shared_server.url)
    (tmp_path / "study.yaml").write_text(STUDY)
    of_file = torc("workflows", "execution-plan", "study.yaml", "-f", "json").json
    workflow_id = torc("create", "study.yaml", "-f", "json").json["workflow_id"]
    of_workflow = torc("workflows", "execution-plan", workflow_id, "-f", "json").json
    assert of_workflow["workflow_id"] == workflow_id
    assert of_workflow["events"] == of_file["events"]


def test_a_table_lies_beside_its_file_and_standard_input_has_those_of_the_current_folder(offline: Torc) -> None:
    folder = offline.folder / "study"
    folder.mkdir()
    text = "jobs: [{name: 'j_{i}', command: x, parameters_file: t.csv}]\n"
    (folder / "study.yaml").write_text(text)
    (folder / "t.csv").write_text("i\n1\n2\n")
    report = offline("create", "study/study.yaml", "--dry-run", "-f", "json").json
    assert report["summary"]["job_names"] == ["j_1", "j_2"]
    (offline.folder / "t.csv").write_text("i\n7\n")
    piped = offline("create", "-", "--dry-run", "-f", "json", stdin=text).json
    assert piped["summary"]["job_names"] == ["j_7"]
    (offline.folder / "other.yaml").write_text(text.replace("t.csv", "no.csv"))
    (error,) = offline("create", "other.yaml", "--dry-run", "-f", "json", code=2).json["errors"]
    assert error.startswith("other.yaml:1:36: jobs[0].parameters_file: no.csv: No such file")


def test_the_hook_for_pre_commit_checks_many_files(offline: Torc) -> None:
    (hook,) = yaml.safe_load((EXAMPLES.parent / ".pre-commit-hooks.yaml").read_text())
    program, *arguments = hook["entry"].split()
    assert program == "torc"
    for name, text in MISTAKES.items():
        (offline.folder / name).write_text(text)
    (offline.folder / "good.yaml").write_text("jobs: [{name: a, command: x}]\n")
    assert offline(*arguments, "good.yaml").out == "Checked 1 file: 0 errors\n"
    printed = offline(*arguments, "good.yaml", *MISTAKES, code=2).out
    assert [line.split(": ")[1] for line in printed.splitlines()[:-1]] == [f"{name}:3:5" for name in MISTAKES]
    assert printed.splitlines()[-1] == "Checked 5 files: 4 errors"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("[]", [], "no job adds these jobs"),
        ("[", ["--job-id", "1"], "<stdin>: not valid JSON: "),
        ('[{"name": "a"}]', ["--job-id", "1"], "<stdin>: jobs.0.command: Field required"),
        ('{"jobs": [], "sate": 1}', ["--job-id", "1"], "<stdin>: sate: Extra inputs are not permitted"),
    ],
)
def test_jobs_to_add_that_are_none_are_refused(offline: Torc, text: str, options: list[str], message: str) -> None:
    assert message in offline("jobs", "spawn", "-", *options, stdin=text, code=2).err


def test_a_job_adds_no_more_generations_than_the_file_allows(shared_server: ServerProcess, tmp_path: Path) -> None:
    torc = Torc(tmp_path, shared_server.url, {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    (tmp_path / "again.sh").write_text(
        'n=$1; [ "$n" -gt 4 ] && exit 0\n'
        """echo '[{"name": "a'$n'", "command": "bash again.sh '$((n + 1))'"}]' | torc jobs spawn - --lineage l\n"""
    )
    (tmp_path / "w.yaml").write_text("dynamic_jobs: {max_iterations: 2}\njobs: [{name: a, command: bash again.sh 1}]\n")
    report = torc("run", "w.yaml", "-f", "json", code=1).json
    assert report["jobs_by_status"]["completed"] == 2
    assert report["jobs_by_status"]["failed"] + report["jobs_by_status"]["pending_failed"] == 1


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_strict_runner_leaves_jobs_of_another_scheduler_alone(
    shared_server: ServerProcess, tmp_path: Path, by: str
) -> None:
    torc = Torc(tmp_path, shared_server.url, {"TORC_STRICT_SCHEDULER_MATCH": "true"} if by == "environment" else {})
    (tmp_path / "w.yaml").write_text(
        "slurm_schedulers: [{name: s, account: a}]\n"
        "jobs: [{name: a, command: 'true'}, {name: b, command: 'true', scheduler: s}]\n"
    )
    option = ["--strict-scheduler-match"] if by == "option" else []
    report = torc("run", "w.yaml", *option, "-f", "json", code=None).json
    assert (report["jobs_by_status"]["completed"], report["jobs_by_status"]["ready"]) == (1, 1)
    assert report["explanation"].startswith("1 job is ready but belongs to another scheduler")
