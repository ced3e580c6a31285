"""JSON: lists are bare arrays, records are objects, and nothing else is on stdout."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from torc_cli.render.base import Output, Table
from torc_cli.render.text import escape_unsafe
from torc_core.hints import Line


class JsonOutput(Output):
    def records(self, table: Table, records: Sequence[BaseModel]) -> None:
        del table  # says how records look to people
        _write(self.fields(records))

    def record(self, record: BaseModel | Mapping[str, Any]) -> None:
        _write(_plain(record))

    def done(self, lines: Line | Sequence[Line], data: BaseModel | Mapping[str, Any]) -> None:
        del lines  # are for people
        _write(_plain(data))

    def announce(self, line: Line) -> None:
        self.note(line)

    def line(self, text: str, data: Mapping[str, Any]) -> None:
        del text
        sys.stdout.write(_text(data) + "\n")
        sys.stdout.flush()


def _plain(record: BaseModel | Mapping[str, Any]) -> object:
    return record.model_dump(mode="json") if isinstance(record, BaseModel) else dict(record)


def _text(value: object, *, indent: int | None = None) -> str:
    """Return JSON, with escapes where stdout cannot take every character."""
    is_unicode = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    return escape_unsafe(json.dumps(value, indent=indent, ensure_ascii=not is_unicode))


def _write(value: object) -> None:
    sys.stdout.write(_text(value, indent=2) + "\n")
    sys.stdout.flush()
