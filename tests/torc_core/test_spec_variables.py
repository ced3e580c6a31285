"""Variables of a workflow file: constants in any text, checked against what is declared."""

from typing import Any

import pytest

from torc_core.api.drafts import WorkflowDraft
from torc_core.spec.build import check_workflow, read_workflow
from torc_core.spec.spec import read_spec

TEXT = """name: "study_{project}"
variables:
  project: proj42
  root: /scratch/proj42
  cpus: 4
  first: 2
  share: 0.25
env:
  PROJECT: "{project}"
metadata: {kept: "{root}"}
files:
  - name: clean
    path: "{root}/clean.csv"
user_data:
  - {name: settings, data: {where: ["{root}", 1], share: "{share:.1f}"}}
resource_requirements:
  - {name: r, num_cpus: "{cpus}", memory: "{cpus}g"}
slurm_schedulers:
  - {name: s, account: "{project}"}
actions:
  - {trigger_type: on_workflow_start, action_type: run_commands, commands: ["mkdir -p {root}"]}
jobs:
  - name: "train_{i:02d}"
    command: "train --shard {i} --in {root} --share {share} --home ${HOME} ${root} {} { print }"
    input_files: [clean]
    resource_requirements: r
    parameters: {i: "{first}:3"}
"""


def draft(text: str) -> WorkflowDraft:
    made, report = read_workflow(text, file_name="w.yaml", user="ann")
    assert report.warnings == []
    return made


def test_variables_are_filled_into_all_texts_and_parameters_stay() -> None:
    made = draft(TEXT)
    assert made.workflow.name == "study_proj42"
    assert made.workflow.env == {"PROJECT": "proj42"}
    assert made.workflow.metadata == {"kept": "/scratch/proj42"}
    assert made.files[0].path == "/scratch/proj42/clean.csv"
    assert made.user_data[0].data == {"where": ["/scratch/proj42", 1], "share": "0.2"}
    assert (made.resource_requirements[0].num_cpus, made.resource_requirements[0].memory) == (4, "4g")
    assert made.slurm_schedulers[0].account == "proj42"
    assert made.actions[0].action_config == {"commands": ["mkdir -p /scratch/proj42"]}
    assert [job.name for job in made.jobs] == ["train_02", "train_03"]
    assert made.jobs[0].command == (
        "train --shard 2 --in /scratch/proj42 --share 0.25 --home ${HOME} ${root} {} { print }"
    )


def test_the_file_itself_keeps_its_variables() -> None:
    spec, problems = read_spec(TEXT, file_name="w.yaml")
    assert not len(problems)
    source: dict[str, Any] = spec.source.value
    assert source["files"][0]["path"] == "{root}/clean.csv"


@pytest.mark.parametrize(
    ("variables", "command", "error"),
    [
        ("{a: 1}", "x {aa}", "w.yaml:2:23: jobs[0].command: there is no variable or parameter 'aa'; did you mean 'a'?"),
        (
            "{a: 1}",
            "x {a} {qqq}",
            "w.yaml:2:23: jobs[0].command: there is no variable or parameter 'qqq'; "
            "braces of the shell need a blank: { qqq }",
        ),
        ("{i: 1}", "x {i}", "w.yaml:1:13: variables.i: 'i' is a parameter too; give one of them another name"),
        (
            "{a: '{b}', b: c}",
            "x {a} {b}",
            "w.yaml:1:13: variables.a: a variable cannot hold {b}; put the parts together where it is used",
        ),
        ("{a: [1]}", "x {a}", "w.yaml:1:13: variables.a: expected a text, a number, true or false, got [1]"),
        (
            "{1a: b}",
            "x",
            "w.yaml:1:13: variables.1a: a variable's name has letters, digits, _ and -, and begins with a letter",
        ),
        (
            "{a: b}",
            "x {a:03d}",
            "w.yaml:2:23: jobs[0].command: the format '03d' is for numbers, not for 'b'",
        ),
        ("5", "x", "w.yaml:1:1: variables: expected a mapping, got 5"),
    ],
)
def test_what_is_wrong_with_a_variable_is_reported_with_its_place(variables: str, command: str, error: str) -> None:
    text = f"variables: {variables}\njobs: [{{name: 'j{{i}}', command: '{command}', parameters: {{i: '1:2'}}}}]\n"
    assert check_workflow(text, file_name="w.yaml").errors == [error]


def test_a_variable_that_is_used_nowhere_is_a_warning() -> None:
    text = "variables: {a: 1}\njobs: [{name: j, command: x}]\n"
    assert check_workflow(text, file_name="w.yaml").warnings == [
        "w.yaml:1:13: variables.a: the variable 'a' is used nowhere"
    ]


def test_without_variables_braces_are_the_shells() -> None:
    text = "jobs: [{name: j, command: \"awk '{print}'\"}]\n"
    assert check_workflow(text, file_name="w.yaml").valid


def test_parameters_where_none_is_filled_in_are_warned_of() -> None:
    text = """env: {A: "{i}", B: "${i}"}
actions:
  - {trigger_type: on_jobs_complete, jobs: ["j{i}"], action_type: run_commands, commands: ["echo {i} {k}"]}
jobs: [{name: "j{i}", command: x, parameters: {i: "1:2"}}]
"""
    assert check_workflow(text, file_name="w.yaml").warnings == [
        "w.yaml:1:7: env.A: {i} stays as it is: parameters are filled into jobs, files and user data alone",
        "w.yaml:3:92: actions[0].commands[0]: {i} stays as it is: "
        "parameters are filled into jobs, files and user data alone",
    ]
