"""SQL and settings of SQLite alone; everything else in `torc_server.db` is SQL of the standard that others share.

A second database is a second module with these names, and migrations of its own in `db/migrations`.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, func, text
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import DBAPIError

from torc_core.errors import ServerFaultError, ServerUnavailableError, TorcError

BUSY_TIMEOUT_S: Final = 5.0
"""How long a statement waits while another process has the database locked, before the request is refused."""
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


def busy_timeout(seconds: float) -> str:
    """Return the statement that sets how long later ones wait for a lock."""
    return f"PRAGMA busy_timeout = {max(1, round(seconds * 1000))}"


def prepare_connection(connection: sqlite3.Connection, *, may_write: bool, wal: bool) -> None:
    """Set what SQLite forgets with every connection.

    With `wal`, readers and the writer do not wait for each other. It needs memory that all processes at the file share,
    which those on other machines do not; without it, the rules are slower and hold on a network file system too.
    """
    # the driver would begin transactions itself, and too late for BEGIN_WRITING
    connection.isolation_level = None
    connection.execute(busy_timeout(BUSY_TIMEOUT_S))
    for pragma in (
        f"journal_mode = {'WAL' if wal else 'TRUNCATE'}",
        # under WAL, NORMAL is safe when a process dies, and a power cut may cost the last transactions;
        # without it, a power cut could break the file
        f"synchronous = {'NORMAL' if wal else 'FULL'}",
        "temp_store = MEMORY",
        f"journal_size_limit = {_JOURNAL_LIMIT_BYTES}",  # the WAL file would keep its largest size for ever
        f"cache_size = -{_WRITER_CACHE_KIB if may_write else _READER_CACHE_KIB}",  # negative: in KiB, not in pages
        f"query_only = {'OFF' if may_write else 'ON'}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(check_references(is_on=True))  # off by default


def check_references(*, is_on: bool) -> str:
    """Return the statement after which writes check their references, or do not; it does nothing in a transaction."""
    return f"PRAGMA foreign_keys = {'ON' if is_on else 'OFF'}"


# -- the file ------------------------------------------------------------------------------------

CHECK_FILE: Final = "PRAGMA integrity_check"
"""One row `ok`, or one for each damage to pages and indexes."""
REFERENCES: Final = """
    SELECT tables.name, reference."from", reference."table"
    FROM sqlite_master AS tables JOIN pragma_foreign_key_list(tables.name) AS reference
    WHERE tables.type = 'table' ORDER BY tables.name, reference.id
"""
"""Each reference between tables: the table, its column, and the table that it refers to."""
CHECK_REFERENCES: Final = "PRAGMA foreign_key_check"
"""One row (table, row id, referenced table, …) for each reference to a record that does not exist."""


def copy_into(connection: sqlite3.Connection, target: Path) -> None:
    """Copy what the connection sees now into a file of its own; others may write meanwhile."""
    with closing(sqlite3.connect(target)) as copy:
        # all pages in one step: in several, every write of the server would begin the copy anew
        connection.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without the WAL that the header of the copy asks for


def empty_log(connection: sqlite3.Connection) -> None:
    """Write what the write-ahead log holds into the file itself, and cut the log to nothing."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def shrink(connection: sqlite3.Connection) -> None:
    """Write the file anew without its free pages, as one file without a write-ahead log."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA journal_mode = DELETE")


# -- errors --------------------------------------------------------------------------------------

ERRORS: Final = (sqlite3.Error, DBAPIError)
_CAUSES: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_BUSY: f"another process has it locked for more than {BUSY_TIMEOUT_S:g} s",
    sqlite3.SQLITE_LOCKED: "another connection has it locked",
    sqlite3.SQLITE_PROTOCOL: "its locks do not work",
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_IOERR: "its disk cannot be read or written",
    sqlite3.SQLITE_READONLY: "it cannot be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
}
"""Primary result code -> why the server cannot work now, though it may later. The transaction was rolled back."""
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def trouble_of(error: BaseException, path: Path) -> TorcError | None:
    """Return what an error of the database means for a request; None for one that only our own mistake explains."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & 0xFF  # the upper bits say more about the same kind of error
    if primary in _BROKEN:
        return ServerFaultError(
            f"the database {path} is damaged: {cause}",
            hint="stop the server and run `torc-server check`; go on with a backup if it finds damage",
        )
    if primary not in _CAUSES:
        return None
    return ServerUnavailableError(
        f"the database {path} cannot be used now: {_CAUSES[primary]} ({cause})",
        hint="nothing was changed; try again when the cause is gone",
    )


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
    "labels_of_job": "json_each(job.labels)",
    "labels_of_runner": "json_each(:labels)",
    # SQLite never reorders a cross join: the planner, without statistics, would begin at the large side
    "ordered_join": "CROSS JOIN",
    # the claim reads no table, only this index; an error is better than a plan that reads every job
    "claim_index": "INDEXED BY ix_job_ready",
}
"""Names for the templates of `torc_server.db.sql`."""


def insert_or_ignore(table: Table) -> Insert:
    """Return an insert that leaves a row alone whose key exists."""
    return insert(table).on_conflict_do_nothing()


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
