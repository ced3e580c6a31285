"""The database file: many readers, one writer at a time."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from torc_core.errors import ServerUnavailableError
from torc_server.db import dialect
from torc_server.db.file_system import mount_of

_READERS: Final = 16
_QUEUE_S: Final = 45.0
"""How long a request waits for others of this server: a workflow of 100,000 jobs takes some seconds to write."""
_SHORTEST_WAIT_S: Final = 0.1

log = logging.getLogger(__name__)


class Database:
    """One database file: sixteen connections that read, one that writes.

    Writers of this process queue on a lock, as waiting for the database's own lock means polling. Each takes the
    database's lock when it begins, so that none fails half-way because another process wrote first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        mount = mount_of(path)
        wal = mount is None or not mount.is_network
        if not wal and mount is not None:
            log.warning(
                "%s is on a network file system (%s at %s): it is used without a write-ahead log, which is slower; "
                "keep it on a local disk with --database PATH, and never open it on two machines at once",
                path,
                mount.kind,
                mount.point,
            )
        self._writing = threading.Lock()
        self._readers_wait = not wal
        self._lock_wait_s = dialect.BUSY_TIMEOUT_S
        self._writer = _engine(path, connections=1, may_write=True, wal=wal)
        self._readers = _engine(path, connections=_READERS, may_write=False, wal=wal)
        event.listen(self._writer, "begin", self._begin_writing)
        event.listen(self._readers, "begin", _begin_reading)

    @contextmanager
    def writing(self, *, checks_references: bool = True) -> Iterator[Session]:
        """Open a transaction that may write: committed at the end, rolled back when anything is raised.

        Without `checks_references` the caller leaves no reference to a row that it deletes: looking for them in all
        tables takes most of the time in which a large workflow is deleted.
        Raises ServerUnavailableError when requests before this one take too long.
        """
        began = time.monotonic()
        with self._alone():
            # What was spent in the queue counts: behind one that waited in vain for another process, each of forty
            # requests would wait as long again, one after the other.
            self._lock_wait_s = max(dialect.BUSY_TIMEOUT_S - (time.monotonic() - began), _SHORTEST_WAIT_S)
            order = nullcontext() if checks_references else self._unchecked()
            with order, Session(self._writer, expire_on_commit=False) as session, session.begin():
                yield session

    @contextmanager
    def _unchecked(self) -> Iterator[None]:
        try:
            with self._writer.connect() as connection:
                driver: Any = connection.connection.driver_connection
                driver.execute(dialect.check_references(is_on=False))
            yield
        finally:
            # the next writer gets a connection of its own: one that does not check must never be used by another
            self._writer.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open one consistent view of the database; writing in it is an error.

        Raises ServerUnavailableError when requests before this one take too long.
        """
        # Without a write-ahead log a transaction that writes excludes all others. Left to the database, each would ask
        # again and again until nobody else works on it, and some would wait for seconds.
        order = self._alone() if self._readers_wait else nullcontext()
        with order, Session(self._readers, expire_on_commit=False) as session:
            try:
                session.connection()
            except PoolTimeoutError as error:
                raise ServerUnavailableError(
                    f"the server is busy: {_READERS} requests before this one have been reading for {_QUEUE_S:g} s",
                    hint="try again",
                ) from error
            yield session
            session.commit()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other transaction of this process needs the database for itself."""
        if not self._writing.acquire(timeout=_QUEUE_S):
            raise ServerUnavailableError(
                f"the server is busy: requests before this one have been working for {_QUEUE_S:g} s",
                hint="nothing was changed; try again",
            )
        try:
            yield
        finally:
            self._writing.release()

    def copy_into(self, target: Path) -> None:
        """Copy the database as it is now into another file; what is written meanwhile is not in the copy."""
        with self.reading() as session:
            driver: Any = session.connection().connection.driver_connection
            dialect.copy_into(driver, target)

    def empty_log(self) -> None:
        """Write what the write-ahead log holds into the file itself. Nobody else may use the file meanwhile."""
        self._readers.dispose()
        with self._writer.connect() as connection:
            driver: Any = connection.connection.driver_connection
            dialect.empty_log(driver)

    def shrink(self) -> None:
        """Write the file anew without what was deleted. Nobody else may use it meanwhile."""
        self._readers.dispose()
        with self._writer.connect() as connection:
            driver: Any = connection.connection.driver_connection
            dialect.shrink(driver)

    def close(self) -> None:
        self._readers.dispose()
        self._writer.dispose()

    def _begin_writing(self, connection: Connection) -> None:
        is_shortened = self._lock_wait_s < dialect.BUSY_TIMEOUT_S - _SHORTEST_WAIT_S
        if is_shortened:
            connection.exec_driver_sql(dialect.busy_timeout(self._lock_wait_s))
        try:
            connection.exec_driver_sql(dialect.BEGIN_WRITING)
        finally:
            if is_shortened:
                connection.exec_driver_sql(dialect.busy_timeout(dialect.BUSY_TIMEOUT_S))


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql(dialect.BEGIN_READING)


def _strict_json(value: Any) -> str:
    """Return JSON that the functions of the database can read: infinity and NaN become null."""
    return to_json(value, inf_nan_mode="null").decode()


def _engine(path: Path, *, connections: int, may_write: bool, wal: bool) -> Engine:
    engine = create_engine(
        dialect.url(path),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_QUEUE_S,
        connect_args={"check_same_thread": False},
        json_serializer=_strict_json,
    )

    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        dialect.prepare_connection(connection, may_write=may_write, wal=wal)

    event.listen(engine, "connect", prepare)
    return engine
