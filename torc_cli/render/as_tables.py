"""Tables for people: framed and coloured on a terminal, plain and unwrapped columns in a pipe."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from torc_cli.render.base import Output, Table
from torc_cli.render.text import clean, display
from torc_core.hints import Line
from torc_core.jobs.status import STATUS_TRAITS

_STATUS_COLOURS: Final = {status.value: traits.colour for status, traits in STATUS_TRAITS.items()}


class TableOutput(Output):
    def records(self, table: Table, records: Sequence[BaseModel]) -> None:
        if not records:
            self.note(f"No {table.things} found.")
            return
        rows = [[column.of(record) for column in table.columns] for record in records]
        if sys.stdout.isatty():
            _print_framed(table, rows)
        else:
            _print_columns(table, rows)
        _write(f"\nTotal: {len(rows)} {table.things if len(rows) != 1 else _singular(table.things)}\n")

    def record(self, record: BaseModel | Mapping[str, Any]) -> None:
        fields = record.model_dump(mode="json", exclude_none=True) if isinstance(record, BaseModel) else record
        width = max((len(name) for name in fields), default=0)
        _write("".join(f"{name:<{width}}  {display(value)}\n" for name, value in fields.items()))

    def done(self, lines: Line | Sequence[Line], data: BaseModel | Mapping[str, Any]) -> None:
        del data  # is for programs
        _write(f"{clean(self.text_of(lines))}\n")

    def announce(self, line: Line) -> None:
        self.done(line, {})

    def line(self, text: str, data: Mapping[str, Any]) -> None:
        self.done(display(text), data)


def _print_framed(table: Table, rows: list[list[str]]) -> None:
    from rich.box import ROUNDED
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    framed = RichTable(box=ROUNDED)
    for column in table.columns:
        framed.add_column(
            column.header,
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=column.right or column.value == "status",
        )
    for row in rows:
        framed.add_row(*(Text(cell, style=_STATUS_COLOURS.get(cell, "")) for cell in row))
    Console().print(framed)


def _print_columns(table: Table, rows: list[list[str]]) -> None:
    lines = [[column.header for column in table.columns], *rows]
    widths = [max(len(cell) for cell in cells) for cells in zip(*lines, strict=True)]
    aligned = (
        "  ".join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, table.columns, strict=True)
        )
        for line in lines
    )
    _write("".join(f"{line.rstrip()}\n" for line in aligned))


def _singular(things: str) -> str:
    return things if things.endswith("data") else things.removesuffix("s")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
