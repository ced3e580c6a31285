"""Tables for people: framed and coloured on a terminal, plain and unwrapped columns in a pipe."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from torc_cli.render.base import Column, Output, Table
from torc_cli.render.fitting import Fitted, cell_width, fit
from torc_cli.render.text import clean, display
from torc_core.hints import Line, TorcCommand
from torc_core.jobs.status import STATUS_TRAITS

if TYPE_CHECKING:
    from rich.table import Table as RichTable
    from rich.text import Text

_LEAST_VALUE: Final = 20
"""With less room beside the names, values are not folded."""
_STATUS_COLOURS: Final = {status.value: traits.colour for status, traits in STATUS_TRAITS.items()}


class TableOutput(Output):
    """Prints frames of at most `width` where it is given, and plain columns without one."""

    def __init__(
        self,
        spell: Callable[[TorcCommand], str] = str,
        *,
        exclude: Sequence[str] = (),
        width: int | None = None,
    ) -> None:
        super().__init__(spell, exclude=exclude)
        self._width = width

    def records(self, table: Table, records: Sequence[BaseModel]) -> None:
        columns = self.shown(table)
        if not records:
            self.note(f"No {table.things} found.")
            return
        rows = [[column.of(record) for column in columns] for record in records]
        if self._width is None:
            _print_columns(columns, rows)
        elif (fitted := fit(columns, rows, width=self._width)) is not None:
            _print_framed(columns, rows, fitted)
            if hidden := [column.header for place, column in enumerate(columns) if place not in fitted.places]:
                self.note(f"Not shown: {', '.join(hidden)}. --wide shows all columns.")
        else:
            headers = [column.header for column in columns]
            for row in rows:
                _print_pairs([(header, cell) for header, cell in zip(headers, row, strict=True)], self._width)
                _write("\n")
        _write(f"\nTotal: {len(rows)} {table.things if len(rows) != 1 else _singular(table.things)}\n")

    def record(self, record: BaseModel | Mapping[str, Any]) -> None:
        fields = record.model_dump(mode="json", exclude_none=True) if isinstance(record, BaseModel) else record
        _print_pairs([(name, display(value)) for name, value in fields.items()], self._width)

    def done(self, lines: Line | Sequence[Line], data: BaseModel | Mapping[str, Any]) -> None:
        del data  # is for programs
        _write(f"{clean(self.text_of(lines))}\n")

    def announce(self, line: Line) -> None:
        self.done(line, {})

    def line(self, text: str, data: Mapping[str, Any]) -> None:
        self.done(display(text), data)


def _print_framed(columns: Sequence[Column], rows: list[list[str]], fitted: Fitted) -> None:
    from rich.box import ROUNDED
    from rich.table import Table as RichTable

    padding = (0, 1) if fitted.is_framed else (0, 2, 0, 0)
    framed = RichTable(box=ROUNDED if fitted.is_framed else None, padding=padding)
    for place, width in zip(fitted.places, fitted.widths, strict=True):
        column = columns[place]
        framed.add_column(column.header, justify="right" if column.right else "left", overflow="fold", width=width)
    for row in rows:
        framed.add_row(*(_coloured(row[place]) for place in fitted.places))
    _print_rich(framed, width=fitted.width)


def _coloured(cell: str) -> "Text":
    from rich.text import Text

    return Text(cell, style=_STATUS_COLOURS.get(cell, ""))


def _print_rich(table: "RichTable", *, width: int) -> None:
    """Print with colours on a terminal only, at this width whatever rich thinks of the terminal."""
    from rich.console import Console

    console = Console(file=sys.stdout, width=width)
    with console.capture() as captured:
        console.print(table)
    _write("".join(f"{line.rstrip(' ')}\n" for line in captured.get().splitlines()))


def _print_pairs(pairs: Sequence[tuple[str, str]], width: int | None) -> None:
    """Print one line for each name and its value; on a terminal, a long value goes on below its beginning."""
    longest = max((cell_width(name) for name, _ in pairs), default=0)
    if width is None or width < longest + _LEAST_VALUE:
        _write("".join(f"{name}{' ' * (longest - cell_width(name))}  {value}\n" for name, value in pairs))
        return
    from rich.table import Table as RichTable

    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=longest, no_wrap=True)
    grid.add_column(width=width - longest - 2, overflow="fold")
    for name, value in pairs:
        grid.add_row(_coloured(name), _coloured(value))
    _print_rich(grid, width=width)


def _print_columns(columns: Sequence[Column], rows: list[list[str]]) -> None:
    lines = [[column.header for column in columns], *rows]
    widths = [max(cell_width(cell) for cell in cells) for cells in zip(*lines, strict=True)]
    for line in lines:
        parts = []
        for cell, width, column in zip(line, widths, columns, strict=True):
            blanks = " " * (width - cell_width(cell))
            parts.append(blanks + cell if column.right else cell + blanks)
        _write(f"{'  '.join(parts).rstrip()}\n")


def _singular(things: str) -> str:
    return things if things.endswith("data") else things.removesuffix("s")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
