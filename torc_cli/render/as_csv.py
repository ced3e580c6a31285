"""Lists as CSV: a line of names, then one line for each record with all its fields."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from torc_cli.render.base import Output, Table
from torc_cli.render.text import clean
from torc_core.hints import Line


class CsvOutput(Output):
    """Prints lists as CSV; what is no list is a remark on stderr, as the output is for programs."""

    def records(self, table: Table, records: Sequence[BaseModel]) -> None:
        rows = self.fields(records)
        if not rows:
            self.note(f"No {table.things} found.")
            return
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
        sys.stdout.flush()

    def record(self, record: BaseModel | Mapping[str, Any]) -> None:
        fields = record.model_dump(mode="json") if isinstance(record, BaseModel) else record
        self.note(json.dumps(fields, ensure_ascii=False, default=str))

    def done(self, lines: Line | Sequence[Line], data: BaseModel | Mapping[str, Any]) -> None:
        del data
        self.note(lines)

    def announce(self, line: Line) -> None:
        self.note(line)

    def line(self, text: str, data: Mapping[str, Any]) -> None:
        del data
        self.note(text)


def _cell(value: object) -> str:
    """Return a text that a spreadsheet takes as it is: nested values as JSON, and no control characters."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return _without_formula(clean(value))
        case dict() | list():
            return clean(json.dumps(value, ensure_ascii=False))
        case _:
            return str(value)


def _without_formula(text: str) -> str:
    """Return the text so that a spreadsheet does not compute it: names come from elsewhere."""
    return f"'{text}" if text.startswith(("=", "+", "@", "-")) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
