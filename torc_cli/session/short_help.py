"""Prints the help of commands: names are never cut, and the global options are one line."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from shutil import get_terminal_size
from typing import Any, Final

from torc_cli.session.options import GLOBAL_OPTIONS, GLOBAL_PANEL

_WIDEST: Final = 120
"""Longer lines are hard to read."""
_FIRST_COLUMN: Final = 32
_TYPE: Final = re.compile(r"<(.+?)>")
_TYPES: Final = {
    "int": "N",
    "int range": "N",
    "list[int]": "N",
    "float": "NUMBER",
    "float range": "NUMBER",
    "str": "TEXT",
    "list[str]": "TEXT",
    "path": "PATH",
    "list[path]": "PATH",
}
_FIXED_PIECES: Final = ("[OPTIONS]", "COMMAND [ARGS]...")

# Typer does not export the types of its core's commands, contexts and formatters, hence Any.


def with_short_help(command: Any) -> Any:
    """Return the command with `write_help` for its help, and so its children."""
    for child in getattr(command, "commands", {}).values():
        with_short_help(child)

    def format_help(context: Any, formatter: Any) -> None:
        write_help(command, context, formatter)

    command.format_help = format_help
    return command


def write_help(command: Any, context: Any, formatter: Any) -> None:
    """Write usage, description, arguments, options, commands, and the names of the global options."""
    formatter.width = min(get_terminal_size().columns, _WIDEST) - 1
    formatter.write_usage(context.command_path, " ".join(usage_pieces(command, context)))
    command.format_help_text(context, formatter)
    parameters = command.get_params(context)
    arguments = [each for each in parameters if each.param_type_name == "argument"]
    _write_section(formatter, "Arguments", ((argument_name(each), each.help or "") for each in arguments))
    own = [each for each in parameters if each not in arguments and _panel(each) != GLOBAL_PANEL]
    for panel in dict.fromkeys(map(_panel, own)):
        _write_section(formatter, panel, (_option(each, context) for each in own if _panel(each) == panel))
    for panel, children in _by_panel(getattr(command, "commands", {}).items()):
        _write_section(formatter, panel, ((name, child.get_short_help_str(limit=200)) for name, child in children))
    if len(own) + len(arguments) < len(parameters):
        names = ", ".join(option.names[-1] for option in GLOBAL_OPTIONS)
        formatter.write_paragraph()
        formatter.write_text(f"Global options: {names}; see `torc help options`.")


def usage_pieces(command: Any, context: Any) -> list[str]:
    """Return what follows the name in a usage line: `[OPTIONS]`, and arguments, in brackets where one is optional."""
    kept = [piece for piece in command.collect_usage_pieces(context) if piece in _FIXED_PIECES]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    named = [argument_name(each) if each.required else f"[{argument_name(each)}]" for each in arguments]
    return [*kept[:1], *named, *kept[1:]]


def argument_name(argument: Any) -> str:
    """Return the name of an argument as help shows it: `JOB_ID`, `JOB_IDS...`."""
    name = (argument.metavar or argument.name.upper()).removeprefix("[").removesuffix("]")
    return name if argument.nargs == 1 or name.endswith("...") else f"{name}..."


def _option(option: Any, context: Any) -> tuple[str, str] | None:
    """Return the names of the option with what it takes in the words of the other help, and its help."""
    record = option.get_help_record(context)
    return record and (_TYPE.sub(lambda found: _TYPES.get(found[1], found[1]), record[0]), record[1])


def _panel(parameter: Any) -> str:
    return getattr(parameter, "rich_help_panel", None) or "Options"


def _by_panel(children: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Yield panel after panel in the order of the commands."""

    def panel_of(pair: tuple[str, Any]) -> str:
        return getattr(pair[1], "rich_help_panel", None) or "Commands"

    for panel, pairs in groupby(children, key=panel_of):
        yield panel, list(pairs)


def _write_section(formatter: Any, title: str, records: Iterable[tuple[str, str] | None]) -> None:
    rows = [record for record in records if record]
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows, col_max=_FIRST_COLUMN)
