"""The reference of the command line, from the commands themselves."""

import inspect
import re
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from docs_build.markdown import NOTICE, code, table
from torc_cli.main import app
from torc_cli.session.options import GLOBAL_PANEL
from torc_cli.session.registry import COMMANDS
from torc_cli.session.short_help import argument_name, usage_pieces

_INTRODUCTION = """# Commands

Every command of `torc` with its arguments and options. [The command line](command-line.md) says what holds for all of
them: the global options (`--url`, `-s`, `-f json` …), exit codes and output.
"""
_METAVARS = {int: "INTEGER", float: "NUMBER", Path: "PATH", datetime: "TIME"}


def commands_page() -> str:
    """Return the page of all commands, in the order of `torc --help`."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("torc", [], resilient_parsing=True)
    panels: dict[str, list[str]] = {}
    for name, entry in COMMANDS.items():
        panels.setdefault(entry.panel, []).append(name)
    overview = table(
        ("", "commands"),
        ((panel, ", ".join(f"[{name}](#torc-{name})" for name in names)) for panel, names in panels.items()),
    )
    sections = [
        section
        for name, entry in COMMANDS.items()
        for section in _sections(entry.load(name), ["torc", name], context, level=2)
    ]
    return "\n\n".join([NOTICE, _INTRODUCTION.rstrip(), overview, *sections]) + "\n"


def _sections(command: Any, words: list[str], parent: Any, *, level: int) -> Iterator[str]:
    context = type(parent)(command, info_name=words[-1], parent=parent)
    heading = f"{'#' * level} {' '.join(words)}"
    text = _plain(command.help)
    if children := getattr(command, "commands", None):
        yield f"{heading}\n\n{text}"
        for name, child in children.items():
            yield from _sections(child, [*words, name], context, level=level + 1)
        return
    usage = " ".join([*words, *usage_pieces(command, context)])
    parts = [heading, text, f"```text\n{usage}\n```"]
    if rows := [_row(parameter) for parameter in command.params if _is_own(parameter)]:
        parts.append(table(("argument or option", "meaning", "default"), rows))
    yield "\n\n".join(parts)


def _is_own(parameter: Any) -> bool:
    """Return whether it is not one of the global options, which stand on a page of their own."""
    return getattr(parameter, "rich_help_panel", None) != GLOBAL_PANEL and parameter.name != "help"


def _row(parameter: Any) -> tuple[str, str, str]:
    kind = parameter.type_descriptor.annotation
    metavar = parameter.metavar or _METAVARS.get(kind, "TEXT")
    meaning = _plain(parameter.help)
    if parameter.param_type_name == "argument":
        return code(argument_name(parameter)), meaning, _default(parameter)
    names = ", ".join(code(option) for option in (*parameter.opts, *parameter.secondary_opts))
    if isinstance(kind, type) and issubclass(kind, Enum):
        meaning = f"{meaning} One of {', '.join(code(str(choice.value)) for choice in kind)}.".lstrip()
        metavar = "CHOICE"
    return names if parameter.is_flag else f"{names} {code(metavar)}", meaning, _default(parameter)


def _default(parameter: Any) -> str:
    default = getattr(parameter.default, "value", parameter.default)
    if parameter.required:
        return "required"
    if default is None or callable(default) or default in (False, (), []):
        return ""
    return code(str(default))


def _plain(text: str | None) -> str:
    """Help without the marks and line breaks of a terminal, paragraphs kept."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text or "").replace("\b", ""))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
