"""The unit of work: one transaction of one request, and the news to publish once it is committed."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import CursorResult, Row
from sqlmodel import Session

from torc_core.api.events import StreamEvent
from torc_core.jobs.status import Severity
from torc_core.times import rfc3339
from torc_server.db import dialect
from torc_server.db.engine import Database
from torc_server.settings import ServiceSettings

AnyRow = Row[*tuple[Any, ...]]


class UnitOfWork:
    """The transaction that a service works in.

    Queries run on `session`. `announcements`, and `touched` (workflows whose ready jobs, cancellation or completion
    changed), are published by the caller after the commit: published before, a runner would look for jobs that it
    cannot see yet, and a stream would report what may still be rolled back.
    """

    def __init__(self, session: Session, settings: ServiceSettings) -> None:
        self.session = session
        self.settings = settings
        self.now = settings.clock()
        self.announcements: list[StreamEvent] = []
        self.touched: set[int] = set()

    @property
    def now_text(self) -> str:
        """Return the time of the transaction: RFC 3339 in UTC with milliseconds."""
        return rfc3339(self.now)

    @property
    def now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    def announce(self, workflow_id: int, event_type: str, *, severity: Severity, data: dict[str, Any]) -> None:
        """Send one frame to the event streams of the workflow, after the commit."""
        self.announcements.append(
            StreamEvent(
                workflow_id=workflow_id, timestamp=self.now_ms, event_type=event_type, severity=severity, data=data
            )
        )

    def touch(self, workflow_id: int) -> None:
        """Wake the claims that wait for jobs of the workflow, after the commit."""
        self.touched.add(workflow_id)

    # -- for the queries ------------------------------------------------------------------------

    def rows(self, sql: str, **params: Any) -> Sequence[AnyRow]:
        """Return all rows of a statement with `:name` parameters."""
        return self._result(sql, params).fetchall()

    def each_row(self, sql: str, **params: Any) -> Iterator[AnyRow]:
        """Return the rows one by one, for results too large to hold in memory."""
        return iter(self._result(sql, params))

    def row(self, sql: str, **params: Any) -> AnyRow | None:
        return self._result(sql, params).fetchone()

    def value(self, sql: str, **params: Any) -> Any:
        """Return the first column of the first row, or None."""
        row = self.row(sql, **params)
        return None if row is None else row[0]

    def ids(self, sql: str, **params: Any) -> list[int]:
        """Return the first column of every row."""
        return [row[0] for row in self._result(sql, params)]

    def run(self, sql: str, **params: Any) -> int:
        """Run a statement that writes; return how many rows it changed."""
        return self._result(sql, params).rowcount

    def run_many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run one statement with `?` parameters for each row; the rows are read as they are written."""
        driver: Any = self.session.connection().connection.driver_connection
        driver.executemany(sql, rows)

    def _result(self, sql: str, params: dict[str, Any]) -> CursorResult[*tuple[Any, ...]]:
        return self.session.connection().exec_driver_sql(sql, params)


@contextmanager
def write_unit(
    database: Database, settings: ServiceSettings, *, checks_references: bool = True
) -> Iterator[UnitOfWork]:
    """Open a unit of work that is committed at the end, or rolled back when anything is raised.

    `checks_references` as in `Database.writing`.
    """
    with _translated_errors(database), database.writing(checks_references=checks_references) as session:
        yield UnitOfWork(session, settings)


@contextmanager
def read_unit(database: Database, settings: ServiceSettings) -> Iterator[UnitOfWork]:
    """Open a unit of work that only reads, from one consistent view."""
    with _translated_errors(database), database.reading() as session:
        yield UnitOfWork(session, settings)


@contextmanager
def _translated_errors(database: Database) -> Iterator[None]:
    """Raise ServerUnavailableError in place of a locked database or a full disk, ServerFaultError for a damaged one."""
    try:
        yield
    except dialect.ERRORS as error:
        trouble = dialect.trouble_of(error, database.path)
        if trouble is None:
            raise
        raise trouble from error
