"""Tables of parameter values: one row for each item, from CSV, JSON or lines of JSON."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from torc_core.errors import InvalidInputError
from torc_core.spec.problems import show
from torc_core.spec.templates import PARAMETER_NAME, Row
from torc_core.spec.values import MAX_EXPANSION, Value, parse_literal, plain_scalar

ReadTable = Callable[[str], str]
"""Returns the text of the file that a workflow file names. Raises InvalidInputError when it cannot be read."""

_Line = tuple[int, dict[str, Any]]
_LINES_SUFFIXES: Final = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class ParameterTable:
    """The parameters that the columns of a table name, and their values, row by row."""

    columns: tuple[str, ...]
    rows: list[Row]


class Tables:
    """The tables that a workflow file names, each read once."""

    def __init__(self, read: ReadTable | None) -> None:
        self._read = read
        self._known: dict[str, ParameterTable | InvalidInputError] = {}

    def get(self, name: str) -> ParameterTable:
        """Return the table of this file. Raises InvalidInputError, with the line, for what is none."""
        if name not in self._known:
            try:
                self._known[name] = parse_table(self._text(name), name)
            except InvalidInputError as error:
                self._known[name] = error
        found = self._known[name]
        if isinstance(found, InvalidInputError):
            raise found
        return found

    def _text(self, name: str) -> str:
        if self._read is None:
            raise InvalidInputError(f"the table {show(name)} cannot be read here: the workflow is no file")
        return self._read(name)


def parse_table(text: str, name: str) -> ParameterTable:
    """Return the table that a text holds, by the suffix of its name.

    CSV needs a first line with names, and its values are read as literals are; JSON is an array of objects, `.jsonl`
    and `.ndjson` are one object a line. Raises InvalidInputError, with the line.
    """
    text = text.removeprefix("\ufeff")
    suffix = PurePath(name).suffix.lower()
    if suffix == ".csv":
        table = _from_csv(text, name)
    elif suffix == ".json":
        table = _from_objects(_json_objects(text, name), name)
    elif suffix in _LINES_SUFFIXES:
        table = _from_objects(_line_objects(text, name), name)
    else:
        raise InvalidInputError(f"{show(name)} has the suffix of no table; use .csv, .json, .jsonl or .ndjson")
    if not table.rows:
        raise InvalidInputError(f"the table {show(name)} holds no row")
    return table


def _from_csv(text: str, name: str) -> ParameterTable:
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    try:
        for cells in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _columns([cell.strip() for cell in cells], name, line)
                continue
            if len(cells) != len(columns):
                raise _fault(name, line, f"{len(cells)} values for {len(columns)} columns")
            rows.append(tuple(parse_literal(cell.strip()) for cell in cells))
            _check_length(rows, name)
    except csv.Error as error:
        raise _fault(name, reader.line_num, f"not valid CSV: {error}") from None
    return ParameterTable(columns, rows)


def _json_objects(text: str, name: str) -> Iterator[_Line]:
    """Yield each object with the number of the row, as JSON has no lines of its own."""
    try:
        found = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise _fault(name, error.lineno, f"not valid JSON: {error.msg} at column {error.colno}") from None
    except ValueError as error:
        raise InvalidInputError(f"{name}: {error}") from None
    except RecursionError:
        raise _fault(name, 1, "nested too deeply") from None
    if not isinstance(found, list):
        raise _fault(name, 1, f"a table is an array of objects, not {show(found)}")
    for at, item in enumerate(found, 1):
        if not isinstance(item, dict):
            raise InvalidInputError(f"{name}: row {at} is no object: {show(item)}")
        yield at, item


def _line_objects(text: str, name: str) -> Iterator[_Line]:
    for line, written in enumerate(text.splitlines(), 1):
        if not written.strip():
            continue
        try:
            item = json.loads(written, object_pairs_hook=_object)
        except json.JSONDecodeError as error:
            raise _fault(name, line, f"not valid JSON: {error.msg} at column {error.colno}") from None
        except RecursionError:
            raise _fault(name, line, "nested too deeply") from None
        except ValueError as error:
            raise _fault(name, line, str(error)) from None
        if not isinstance(item, dict):
            raise _fault(name, line, f"expected an object, got {show(item)}")
        yield line, item


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object that JSON writes as these pairs. Raises ValueError for a key given twice."""
    built: dict[str, Any] = {}
    for key, value in pairs:
        if key in built:
            raise ValueError(f"the key {show(key)} is given twice")
        built[key] = value
    return built


def _from_objects(objects: Iterator[_Line], name: str) -> ParameterTable:
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    for at, item in objects:
        if not columns:
            columns = _columns(list(item), name, at)
        if item.keys() != set(columns):
            odd = next(iter({*columns} ^ item.keys()))
            what = f"lacks {show(odd)}" if odd in columns else f"has {show(odd)}, which the first row has not"
            raise InvalidInputError(f"{name}: row {at} {what}")
        rows.append(tuple(_scalar(item[column], name, at) for column in columns))
        _check_length(rows, name)
    return ParameterTable(columns, rows)


def _scalar(value: object, name: str, row: int) -> Value:
    try:
        return plain_scalar(value)
    except InvalidInputError as error:
        raise InvalidInputError(f"{name}: row {row}: {error.message}") from None


def _columns(names: list[str], table: str, line: int) -> tuple[str, ...]:
    """Return the names of the columns. Raises InvalidInputError for one that is none or given twice."""
    for at, name in enumerate(names):
        if not PARAMETER_NAME.fullmatch(name):
            message = f"{show(name)} cannot name a parameter: letters, digits, _ and -, beginning with a letter"
            raise _fault(table, line, message)
        if name in names[:at]:
            raise _fault(table, line, f"the column {show(name)} is given twice")
    if not names:
        raise _fault(table, line, "there are no columns")
    return tuple(names)


def _check_length(rows: list[Row], name: str) -> None:
    if len(rows) > MAX_EXPANSION:
        raise InvalidInputError(f"the table {show(name)} has more than {MAX_EXPANSION} rows")


def _fault(name: str, line: int, message: str) -> InvalidInputError:
    return InvalidInputError(f"{name}:{line}: {message}")
