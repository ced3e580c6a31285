"""The database file: many readers, one writer at a time."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

_BUSY_TIMEOUT_MS: Final = 45_000
_READERS: Final = 16
_WRITER_CACHE: Final = "PRAGMA cache_size = -65536"
_READER_CACHE: Final = "PRAGMA cache_size = -8192"
"""In KiB. Each connection has its own, so that of the readers counts as often as there are readers."""
_JOURNAL_LIMIT_BYTES: Final = 64 * 1024**2


class Database:
    """One SQLite file in WAL mode.

    Writers of this process wait for each other on a lock, those of other processes on SQLite's; each begins
    immediately, so that nobody can fail in the middle because somebody else wrote first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = threading.Lock()
        self._writer = _engine(path, begin="BEGIN IMMEDIATE", connections=1, pragmas=(_WRITER_CACHE,))
        self._readers = _engine(
            path, begin="BEGIN", connections=_READERS, pragmas=(_READER_CACHE, "PRAGMA query_only = ON")
        )

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction that may write: committed at the end, rolled back when anything is raised."""
        with self._writing, Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view of the database; an attempt to write in it is an error."""
        with Session(self._readers, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self._readers.dispose()
        self._writer.dispose()


def _strict_json(value: Any) -> str:
    """JSON that SQLite's own functions can read: what is no number becomes null."""
    return to_json(value, inf_nan_mode="null").decode()


def _engine(path: Path, *, begin: str, connections: int, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_BUSY_TIMEOUT_MS / 1000,
        connect_args={"check_same_thread": False},
        json_serializer=_strict_json,
    )

    def prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we begin ourselves: the driver would do it too late
        for pragma in (
            f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = NORMAL",
            "PRAGMA foreign_keys = ON",
            "PRAGMA temp_store = MEMORY",
            f"PRAGMA journal_size_limit = {_JOURNAL_LIMIT_BYTES}",
            *pragmas,
        ):
            connection.execute(pragma)

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine
