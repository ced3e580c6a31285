"""What only SQLite understands; everything else in `torc_server.db` is SQL of the standard that others share.

A second database is a second module with these names, and migrations of its own in `db/migrations`.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, func, text

BUSY_TIMEOUT_MS: Final = 45_000
_WRITER_CACHE_KIB: Final = 64 * 1024
_READER_CACHE_KIB: Final = 8 * 1024
"""Each connection has a cache of its own, so that this counts as often as there are readers."""
_JOURNAL_LIMIT_BYTES: Final = 64 * 1024**2

# -- connections ---------------------------------------------------------------------------------

BEGIN_WRITING: Final = "BEGIN IMMEDIATE"
"""Takes the write lock at once. A transaction that asks for it later fails if somebody wrote in between."""
BEGIN_READING: Final = "BEGIN"


def url(path: Path) -> str:
    """Return SQLAlchemy's address of the database file."""
    return f"sqlite:///{path}"


def prepare_connection(connection: sqlite3.Connection, *, may_write: bool) -> None:
    """Set what SQLite forgets with every connection."""
    # the driver would begin transactions itself, and too late for BEGIN_WRITING
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",  # readers go on while somebody writes
        "synchronous = NORMAL",  # safe under WAL when a process dies; a power cut may cost the last transactions
        "foreign_keys = ON",  # off by default
        "temp_store = MEMORY",
        f"journal_size_limit = {_JOURNAL_LIMIT_BYTES}",  # the WAL file would keep its largest size for ever
        f"cache_size = -{_WRITER_CACHE_KIB if may_write else _READER_CACHE_KIB}",  # negative: in KiB, not in pages
        f"query_only = {'OFF' if may_write else 'ON'}",
    ):
        connection.execute(f"PRAGMA {pragma}")


# -- tables --------------------------------------------------------------------------------------

IDS_ONCE: Final[Mapping[str, Any]] = {"sqlite_autoincrement": True}
"""Table option: ids are never given out twice, so that a late report cannot meet another record."""

BY_PRIMARY_KEY: Final[Mapping[str, Any]] = {"sqlite_with_rowid": False}
"""Table option: rows are stored in the order of their primary key, which saves link tables a second index."""

TABLE_NAMES: Final = "SELECT name FROM sqlite_master WHERE type = 'table'"

LAST_ID: Final = "SELECT seq FROM sqlite_sequence WHERE name = :table"
"""The last id that a table with IDS_ONCE gave out, even when its row is gone."""


def only_where(condition: str) -> dict[str, Any]:
    """Return the index option that leaves out rows which do not meet the condition."""
    return {"sqlite_where": text(condition)}


# -- statements ----------------------------------------------------------------------------------

NAMES: Final[Mapping[str, str]] = {
    # a list of any length in one parameter; bound one by one, the number of parameters would be limited
    "ids": "(SELECT value FROM json_each(:ids))",
    # SQLite never reorders a cross join: the planner, without statistics, would begin at the large side
    "ordered_join": "CROSS JOIN",
    # the claim reads no table, only this index; an error is better than a plan that reads every job
    "claim_index": "INDEXED BY ix_job_ready",
}
"""Names for the templates of `torc_server.db.sql`."""


def json_field(column: str, field: str) -> str:
    """Return the expression for a field of the object in a JSON column."""
    return f"json_extract({column}, '$.{field}')"


def json_field_of(column: ColumnElement[Any], field: str) -> ColumnElement[Any]:
    """Return the same for a column of SQLAlchemy; the field may have any name."""
    return func.json_extract(column, f'$."{field}"')


def json_without(column: str, fields: Iterable[str]) -> str:
    """Return the expression for the object in a JSON column without these fields."""
    paths = ", ".join(f"'$.{field}'" for field in fields)
    return f"json_remove({column}, {paths})"


def json_rows(*columns: str) -> str:
    """Return the aggregate that collects the columns of all rows as a JSON array of arrays."""
    return f"json_group_array(json_array({', '.join(columns)}))"


def joined(column: str) -> str:
    """Return the aggregate that joins the values of all rows with commas."""
    return f"group_concat({column})"


def days(column: str) -> str:
    """Return the expression for an RFC 3339 time as a number of days."""
    return f"julianday({column})"


def larger(one: str, other: str) -> str:
    """Return the expression for the larger of two values."""
    return f"MAX({one}, {other})"


def contains(column: str, parameter: str) -> str:
    """Return the condition that the column holds the parameter's text, ignoring case."""
    return f"instr(lower({column}), lower({parameter})) > 0"


def is_digits(expression: str, count: int) -> str:
    """Return the condition that a text is `count` decimal digits."""
    return f"{expression} GLOB '{'[0-9]' * count}'"
