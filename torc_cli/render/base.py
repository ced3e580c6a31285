"""The output that commands may print to, whatever the format."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from pydantic import BaseModel

from torc_cli.render.text import clean, display
from torc_core.hints import Line, TorcCommand, spelled


@dataclass(frozen=True)
class Column:
    """One column of a table: `value` is an attribute of the record, or a function of it."""

    header: str
    value: str | Callable[[Any], object]
    right: bool = False

    def of(self, record: object) -> str:
        read = attrgetter(self.value) if isinstance(self.value, str) else self.value
        return display(read(record))


@dataclass(frozen=True)
class Table:
    """How records of one kind look in a table; `things` is their plural for `Total: 3 jobs`."""

    things: str
    columns: tuple[Column, ...]


class Output(ABC):
    """Results go to stdout, remarks to stderr. `spell` writes the commands in lines as the user must type them."""

    def __init__(self, spell: Callable[[TorcCommand], str] = str) -> None:
        self._spell = spell

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

    def note(self, lines: Line | Sequence[Line]) -> None:
        """Print a remark that is no result."""
        sys.stderr.write(f"{clean(self.text_of(lines))}\n")
        sys.stderr.flush()
