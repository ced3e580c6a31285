"""The output that commands may print to, whatever the format."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from pydantic import BaseModel

from torc_cli.render.text import clean, display, short_time
from torc_core.errors import InvalidInputError
from torc_core.hints import Line, TorcCommand, spelled


@dataclass(frozen=True)
class Column:
    """One column of a table: `value` is an attribute of the record, or a function of it."""

    header: str
    value: str | Callable[[Any], object]
    right: bool = False
    time: bool = False
    """The value is a point in time, which is shown short and local."""
    gives_way: bool = False
    """Left out before a table is too wide for the terminal."""

    @property
    def is_whole(self) -> bool:
        """Return whether its cells are never folded over lines."""
        return self.right or self.time or self.value in ("status", "state", "is_active")

    def of(self, record: object) -> str:
        read = attrgetter(self.value) if isinstance(self.value, str) else self.value
        return display(short_time(read(record)) if self.time else read(record))

    def has_name(self, name: str) -> bool:
        """Return whether a user may mean this column by the name: its header, or the field that it shows."""
        word = _word(name)
        return word == _word(self.header) or (isinstance(self.value, str) and word == _word(self.value))


@dataclass(frozen=True)
class Table:
    """How records of one kind look in a table; `things` is their plural for `Total: 3 jobs`."""

    things: str
    columns: tuple[Column, ...]


def _word(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")


class Output(ABC):
    """Results go to stdout, remarks to stderr. `spell` writes the commands in lines as the user must type them.

    `exclude` names the columns or fields that lists are printed without.
    """

    def __init__(self, spell: Callable[[TorcCommand], str] = str, *, exclude: Sequence[str] = ()) -> None:
        self._spell = spell
        self._exclude = exclude

    def shown(self, table: Table) -> tuple[Column, ...]:
        """Return the columns that the user did not exclude. Raises InvalidInputError for a name that is none."""
        for name in self._exclude:
            if not any(column.has_name(name) for column in table.columns):
                _refuse(name, [column.header for column in table.columns])
        return tuple(column for column in table.columns if not any(column.has_name(name) for name in self._exclude))

    def fields(self, records: Sequence[BaseModel]) -> list[dict[str, Any]]:
        """Return the records as JSON values without the fields that the user excluded."""
        rows = [record.model_dump(mode="json") for record in records]
        if not self._exclude or not rows:
            return rows
        excluded = {_word(name) for name in self._exclude}
        for name in self._exclude:
            if _word(name) not in rows[0]:
                _refuse(name, list(rows[0]))
        return [{field: value for field, value in row.items() if field not in excluded} for row in rows]

    def text_of(self, lines: Line | Sequence[Line]) -> str:
        """Return lines as a text in which every command can be typed as it stands."""
        each = [lines] if isinstance(lines, Line) else lines
        return "\n".join(spelled(line, self._spell) for line in each)

    @abstractmethod
    def records(self, table: Table, records: Sequence[BaseModel]) -> None:
        """Print a list."""

    @abstractmethod
    def record(self, record: BaseModel | Mapping[str, Any]) -> None:
        """Print one record."""

    @abstractmethod
    def done(self, lines: Line | Sequence[Line], data: BaseModel | Mapping[str, Any]) -> None:
        """Print what a command did: `lines` for people, `data` for programs."""

    @abstractmethod
    def announce(self, line: Line) -> None:
        """Print what people see before the result; for programs it is a remark, as their result is still to come."""

    @abstractmethod
    def line(self, text: str, data: Mapping[str, Any]) -> None:
        """Print one of many results of a command that goes on: one line each."""

    def document(self, text: str) -> None:
        """Print a text that is the same in every format."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def screen(self, lines: Sequence[str]) -> None:
        """Print lines in place of all that the terminal shows, beside the results."""
        sys.stderr.write("\x1b[2J\x1b[H" + "".join(f"{clean(line)}\n" for line in lines))
        sys.stderr.flush()

    def note(self, lines: Line | Sequence[Line]) -> None:
        """Print a remark that is no result."""
        sys.stderr.write(f"{clean(self.text_of(lines))}\n")
        sys.stderr.flush()


def _refuse(name: str, names: Sequence[str]) -> None:
    raise InvalidInputError(f"--exclude: there is no column {name!r}", hint=f"the columns are {', '.join(names)}")
