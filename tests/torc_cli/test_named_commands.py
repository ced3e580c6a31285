"""Every command that an error, a hint or a docstring tells people to use exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from torc_cli.main import app

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("torc_core", "torc_client", "torc_server", "torc_mcp", "torc_cli", "runner")
NAMED: Final = re.compile(r"(?:`|: )torc ([a-z][a-z-]+)(?: ([a-z][a-z-]+))?")


def named_commands() -> Iterator[tuple[str, str, str]]:
    """(file, command, word behind it) for each text of the sources."""
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from ((str(path.relative_to(ROOT)), *match.groups("")) for match in NAMED.finditer(node.value))


@pytest.mark.parametrize(("command", "word"), sorted({(command, word) for _, command, word in named_commands()}))
def test_a_command_that_people_are_told_to_use_exists(command: str, word: str) -> None:
    group: Any = typer.main.get_command(app)
    _, found, _ = group.resolve_command(group.make_context("torc", ["ping"]), [command])
    if word and hasattr(found, "commands"):
        assert word in found.commands, [place for place, *names in named_commands() if names == [command, word]]


def test_there_are_such_commands() -> None:
    assert ("jobs", "reset-status") in {(command, word) for _, command, word in named_commands()}
