"""What `torc --help` promises, and what it costs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from torc_cli.main import app
from torc_cli.session.registry import COMMANDS
from torc_core.errors import InvalidInputError

SOURCES = Path(__file__).parents[2] / "torc_cli"


def all_commands() -> Iterator[tuple[str, ...]]:
    for name, entry in COMMANDS.items():
        yield (name,)
        yield from ((name, child) for child in getattr(entry.load(name), "commands", {}))


def test_listed_help_is_the_first_line_of_each_commands_own() -> None:
    listed = {name: entry.help for name, entry in COMMANDS.items()}
    own = {name: entry.load(name).help.splitlines()[0] for name, entry in COMMANDS.items()}
    assert listed == own


@pytest.mark.parametrize("words", list(all_commands()), ids=" ".join)
def test_help_of_every_command_works_and_names_the_global_options(words: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(app, [*words, "--help"], terminal_width=200)
    assert answer.exit_code == 0
    is_group = "COMMAND [ARGS]" in answer.output
    assert is_group or "see `torc help options`" in answer.output or words in {("completions",), ("help",)}
    assert "How to print results" not in answer.output


def test_completion_is_installed_by_the_root_alone() -> None:
    groups = [name for name, entry in COMMANDS.items() if hasattr(entry.load(name), "commands")]
    assert groups
    helps = {name: CliRunner().invoke(app, [name, "--help"], terminal_width=200).output for name in groups}
    assert [name for name, text in helps.items() if "completion" in text] == []
    assert "--install-completion" in CliRunner().invoke(app, ["--help"], terminal_width=200).output


def test_every_command_says_in_a_sentence_what_it_does() -> None:
    groups = [(name, entry.load(name)) for name, entry in COMMANDS.items()]
    commands = [(name, child) for name, group in groups for child in getattr(group, "commands", {"": group}).values()]
    assert [
        f"{name} {child.name}"
        for name, child in commands
        if not re.match(r"[A-Z].*\.$", child.help or "", re.MULTILINE)
    ] == []


def test_every_command_of_its_own_shows_an_example() -> None:
    groups = [(name, entry.load(name)) for name, entry in COMMANDS.items()]
    commands = [(name, child) for name, group in groups for child in getattr(group, "commands", {"": group}).values()]
    assert [
        f"{name} {child.name}" for name, child in commands if not re.search(r"For example: `torc ", child.help or "")
    ] == []


def test_every_argument_and_option_is_explained() -> None:
    groups = [(name, entry.load(name)) for name, entry in COMMANDS.items()]
    commands = [(name, child) for name, group in groups for child in getattr(group, "commands", {"": group}).values()]
    assert [
        f"{name} {child.name} {parameter.name}"
        for name, child in commands
        for parameter in child.params
        if not re.fullmatch(r"\S.*\.", parameter.help or "", re.DOTALL)
    ] == []


def test_torc_alone_shows_its_help_and_succeeds() -> None:
    answer = CliRunner().invoke(app, [])
    assert answer.exit_code == 0
    assert answer.output == CliRunner().invoke(app, ["--help"]).output


def test_the_version_has_a_short_option() -> None:
    assert CliRunner().invoke(app, ["-V"]).output.startswith("torc ")


def test_help_explains_a_topic() -> None:
    answer = CliRunner().invoke(app, ["help", "options"])
    assert "-s, --standalone" in answer.output


def test_help_explains_a_command_as_its_own_option_does() -> None:
    own = CliRunner().invoke(app, ["jobs", "list", "--help"])
    assert CliRunner().invoke(app, ["help", "jobs", "list"]).output.strip() == own.output.strip()


def test_help_of_something_unknown_names_the_nearest() -> None:
    answer = CliRunner().invoke(app, ["help", "jbos"])
    assert isinstance(answer.exception, InvalidInputError)
    assert "jobs" in answer.exception.message


def test_csv_of_a_command_that_prints_no_list_is_refused_before_it_does_anything() -> None:
    answer = CliRunner().invoke(app, ["-f", "csv", "delete", "1"])
    assert isinstance(answer.exception, InvalidInputError)
    assert "CSV is for lists" in answer.exception.message


def test_a_mistyped_command_is_answered_with_a_suggestion() -> None:
    answer = CliRunner().invoke(app, ["job", "list"])
    assert answer.exit_code == 2
    assert "Did you mean 'jobs'" in answer.output


def test_commands_leave_printing_to_the_renderers() -> None:
    by_hand = re.compile(r"\bprint\(|\.echo\(|sys\.std(out|err)\.write")
    files = (SOURCES / "commands").glob("*.py")
    assert [file.name for file in files if by_hand.search(file.read_text())] == []
