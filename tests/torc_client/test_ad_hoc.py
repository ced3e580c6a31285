"""Commands that somebody typed become a workflow file."""

from pathlib import Path
from typing import Any

import pytest

from torc_client.ad_hoc import AdHocWorkflow, parse_parameter, read_commands
from torc_core.api.drafts import WorkflowDraft
from torc_core.errors import InvalidInputError, SpecError


def draft_of(*commands: str, **fields: Any) -> WorkflowDraft:
    return AdHocWorkflow(name="w", commands=commands, **fields).draft(user="tester", folder=Path())[0]


def test_each_command_is_a_job_with_only_its_own_parameters() -> None:
    made = draft_of("echo {i}", "echo {j:02d} ${i}", parameters={"i": "1:2", "j": "[7]"})
    assert [(job.name, job.command) for job in made.jobs] == [
        ("job_1_1", "echo 1"),
        ("job_1_2", "echo 2"),
        ("job_2_7", "echo 07 ${i}"),
    ]


def test_parameters_go_together_by_place() -> None:
    made = draft_of("cp {a} {b}", parameters={"a": ["x", "y"], "b": [1, 2]}, mode="zip")
    assert [job.command for job in made.jobs] == ["cp x 1", "cp y 2"]


def test_needs_hold_for_each_job_and_leave_the_rest_open() -> None:
    made = draft_of("true", memory="2g", retries=3)
    [needs] = made.resource_requirements
    assert (needs.num_cpus, needs.memory, needs.runtime) == (1, "2g", "PT0S")
    assert made.failure_handlers[0].rules[0].max_retries == 4
    assert (made.jobs[0].resource_requirements, made.jobs[0].failure_handler) == (0, 0)


def test_a_parameter_that_no_command_has_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"no command has \{i\}"):
        draft_of("echo ${i}", parameters={"i": "1:2"})


def test_values_are_read_from_a_file_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "values").write_text("1\n\n 2.5 \n07\nname with blanks\n")
    assert parse_parameter(f"v=@{tmp_path / 'values'}") == ("v", [1, 2.5, "07", "name with blanks"])


@pytest.mark.parametrize("text", ["", "i", "=1", "a b=1", "i=@/nowhere/at/all"])
def test_a_parameter_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_parameter(text)


def test_a_file_of_commands_has_comments(tmp_path: Path) -> None:
    (tmp_path / "commands").write_text("# first\ntrue\n\n  false  \n")
    assert read_commands(tmp_path / "commands") == ["true", "false"]
    (tmp_path / "commands").write_text("# nothing\n")
    with pytest.raises(InvalidInputError, match="no command in"):
        read_commands(tmp_path / "commands")


@pytest.mark.parametrize(
    ("commands", "fields", "message"),
    [
        (["cp {a} {b}"], {"parameters": {"a": "1:3", "b": "1:2"}, "mode": "zip"}, "--link: zip needs equally many"),
        (["echo {i}"], {"parameters": {"i": "5:1"}}, "--param i: the range '5:1' is empty"),
        (["true", " "], {}, "command 2: must not be empty"),
        (["true"], {"num_cpus": 10**11}, "--cpus-per-job: must be 2147483647 or less"),
        (["true"], {"memory": "1x"}, "--memory-per-job: memory '1x' is not an amount"),
        (["true"], {"runtime": "5"}, "--runtime-per-job: '5' is not a duration"),
        (["true"], {"retries": 10**11}, "--retries: must be 2147483647 or less"),
    ],
)
def test_a_problem_names_the_option_and_no_place_in_a_file(
    commands: list[str], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError) as caught:
        draft_of(*commands, **fields)
    assert str(caught.value).startswith(message)
    assert str(caught.value.hint) == "nothing was created; correct the command line and try again"


def test_the_hint_at_a_missing_file_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_commands(tmp_path / "none")
    assert str(caught.value.hint) == "name a file with a command in each line"
    with pytest.raises(InvalidInputError) as caught:
        parse_parameter(f"i=@{tmp_path / 'none'}")
    assert str(caught.value.hint) == "name a file with a value in each line: --param i=@FILE"
