"""Every command that a hint, a message or a docstring names exists, and hints name commands as values."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from torc_cli.main import app
from torc_cli.render.spelling import WITH_OUTPUT_DIR, WITHOUT_SERVER
from torc_cli.session.registry import COMMANDS
from torc_core.hints import TorcCommand
from torc_mcp.answers import TOOL_OF_COMMAND
from torc_mcp.registry import TOOLS

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("torc_core", "torc_client", "torc_server", "torc_mcp", "torc_cli", "runner")
NAMED: Final = re.compile(r"(?:`|: )torc ([a-z][a-z-]+)(?: ([a-z][a-z-]+))?")


@cache
def sources() -> list[tuple[str, ast.Module]]:
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def commands_in_prose() -> Iterator[tuple[str, str, str]]:
    """(file, command, word behind it) for each text of the sources."""
    for place, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from ((place, *match.groups("")) for match in NAMED.finditer(node.value))


def command_values() -> Iterator[tuple[str, TorcCommand]]:
    """(file, command) for each `torc("name", …)` of the sources; arguments that are no constants are left out."""
    for place, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "torc" and node.args:
                name, *arguments = (each.value if isinstance(each, ast.Constant) else None for each in node.args)
                assert isinstance(name, str), f"{place}:{node.lineno} names no command"
                yield place, TorcCommand(name, tuple(str(each) for each in arguments if each is not None))


@cache
def find(name: str) -> Any:
    """The command as the shell finds it; None where there is none."""
    found: Any = typer.main.get_command(app)
    for word in name.split():
        if word not in getattr(found, "commands", {}):
            return None
        _, found, _ = found.resolve_command(found.make_context("torc", ["ping"], resilient_parsing=True), [word])
    return found


def option_names(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize(("command", "word"), sorted({(command, word) for _, command, word in commands_in_prose()}))
def test_a_command_that_a_text_names_exists(command: str, word: str) -> None:
    found = find(command)
    assert found is not None
    if word and hasattr(found, "commands"):
        assert word in found.commands, [place for place, *names in commands_in_prose() if names == [command, word]]


@pytest.mark.parametrize("command", sorted({command for _, command in command_values()}, key=str), ids=str)
def test_a_command_that_a_hint_holds_exists_with_its_options(command: TorcCommand) -> None:
    found = find(command.name)
    assert found is not None, [place for place, each in command_values() if each == command]
    assert {each for each in command.arguments if each.startswith("-")} <= option_names(found)


def examples() -> Iterator[list[str]]:
    """The words of each `For example: …` in the help of commands."""
    for name in COMMANDS:
        group = find(name)
        for command in getattr(group, "commands", {"": group}).values():
            yield from map(shlex.split, re.findall(r"For example: `([^`]+)`", command.help or ""))


@pytest.mark.parametrize("words", list(examples()), ids=" ".join)
def test_an_example_in_the_help_names_a_command_with_its_options(words: list[str]) -> None:
    program, *rest = words
    assert program == "torc"
    rest = [word for word in rest if word != "-s"]
    found = find(" ".join(rest[:2])) or find(rest[0])
    assert found is not None
    assert {word for word in rest if word.startswith("-")} <= option_names(found)


def test_hints_hold_their_commands_as_values() -> None:
    prose = [
        f"{place}:{keyword.value.lineno}"
        for place, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "hint"
        for text in ast.walk(keyword.value)
        if isinstance(text, ast.Constant) and re.search(r"\btorc [a-z]", str(text.value))
    ]
    assert prose == []


def test_there_are_such_commands() -> None:
    assert ("agents", "list") in {(command, word) for _, command, word in commands_in_prose()}
    assert "jobs reset-status" in {command.name for _, command in command_values()}


def test_o_is_printed_behind_each_command_that_finds_logs_by_it() -> None:
    names = (f"{name} {below}".strip() for name in COMMANDS for below in ("", *getattr(find(name), "commands", {})))
    with_folder = {name for name in names if "output_dir" in {each.name for each in find(name).params}}
    plots_go_there = {"plot-resources"}
    assert with_folder - plots_go_there == WITH_OUTPUT_DIR


def test_commands_that_ask_no_server_are_known() -> None:
    assert set(COMMANDS) >= WITHOUT_SERVER


def test_an_agent_is_given_a_tool_for_commands_that_there_are() -> None:
    assert [name for name in TOOL_OF_COMMAND if find(name) is None] == []
    assert set(TOOL_OF_COMMAND.values()) <= {tool.name for tool in TOOLS}
