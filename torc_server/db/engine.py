"""The database file: many readers, one writer at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from torc_server.db import dialect

_READERS: Final = 16


class Database:
    """One database file: sixteen connections that read, one that writes.

    Writers of this process queue on a lock, as waiting for the database's own lock means polling. Each takes the
    database's lock when it begins, so that none fails half-way because another process wrote first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = threading.Lock()
        self._writer = _engine(path, begin=dialect.BEGIN_WRITING, connections=1, may_write=True)
        self._readers = _engine(path, begin=dialect.BEGIN_READING, connections=_READERS, may_write=False)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that may write: committed at the end, rolled back when anything is raised."""
        with self._writing, Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open one consistent view of the database; writing in it is an error."""
        with Session(self._readers, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self._readers.dispose()
        self._writer.dispose()


def _strict_json(value: Any) -> str:
    """Return JSON that the functions of the database can read: infinity and NaN become null."""
    return to_json(value, inf_nan_mode="null").decode()


def _engine(path: Path, *, begin: str, connections: int, may_write: bool) -> Engine:
    engine = create_engine(
        dialect.url(path),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=dialect.BUSY_TIMEOUT_MS / 1000,
        connect_args={"check_same_thread": False},
        json_serializer=_strict_json,
    )

    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        dialect.prepare_connection(connection, may_write=may_write)

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine
