"""What commands may print, whatever the format."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from pydantic import BaseModel

from torc_cli.render.text import clean, display


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
    """Results go to stdout, remarks to stderr."""

    @abstractmethod
    def records(self, table: Table, records: Sequence[BaseModel]) -> None:
        """A list."""

    @abstractmethod
    def record(self, record: BaseModel | Mapping[str, Any]) -> None:
        """One record."""

    @abstractmethod
    def done(self, text: str, data: BaseModel | Mapping[str, Any]) -> None:
        """What a command did: `text` for people, `data` for programs."""

    @abstractmethod
    def announce(self, text: str) -> None:
        """What people see before the result; for programs it is a remark, as their result is still to come."""

    @abstractmethod
    def line(self, text: str, data: Mapping[str, Any]) -> None:
        """One of many results of a command that goes on: one line each."""

    def document(self, text: str) -> None:
        """A text that is the same in every format."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """A remark that is no result."""
        sys.stderr.write(f"{clean(text)}\n")
        sys.stderr.flush()
