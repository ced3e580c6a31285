"""Samples of jobs over time, kept in an SQLite file below the output directory."""

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torc_client.private_files import private

FLUSH_EVERY_S: Final = 10.0
_BUSY_S: Final = 10.0
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS job_resource_samples (
    job_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    cpu_percent REAL NOT NULL,
    memory_bytes INTEGER NOT NULL,
    num_processes INTEGER NOT NULL,
    attempt_id INTEGER,
    read_bytes INTEGER,
    write_bytes INTEGER,
    PRIMARY KEY (job_id, timestamp)
);
CREATE INDEX IF NOT EXISTS ix_job_resource_samples_job ON job_resource_samples (job_id);
CREATE TABLE IF NOT EXISTS job_metadata (
    job_id INTEGER PRIMARY KEY,
    job_name TEXT NOT NULL,
    memory_limit_bytes INTEGER,
    num_cpus INTEGER,
    runtime_limit_s REAL
);
"""
_ADD_SAMPLE: Final = """
INSERT INTO job_resource_samples VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    cpu_percent = excluded.cpu_percent,
    memory_bytes = max(memory_bytes, excluded.memory_bytes),
    num_processes = excluded.num_processes,
    attempt_id = excluded.attempt_id,
    read_bytes = excluded.read_bytes,
    write_bytes = excluded.write_bytes
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesJob:
    """A job as the file describes it; limits are None where the job has none."""

    job_id: int
    attempt_id: int
    name: str
    num_cpus: int
    memory_limit_bytes: int | None
    runtime_limit_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One job at one second. I/O counts since the job's start; None where it cannot be read."""

    job: SeriesJob
    timestamp: int
    cpu_percent: float
    memory_bytes: int
    num_processes: int
    read_bytes: int | None
    write_bytes: int | None


class SeriesFile:
    """Written in batches, by one thread. A file that cannot be written never harms a job: `problem` has the reason."""

    def __init__(self, path: Path, *, flush_every_s: float = FLUSH_EVERY_S) -> None:
        self._path = path
        self._flush_every_s = flush_every_s
        self._connection: sqlite3.Connection | None = None
        self._rows: list[SeriesRow] = []
        self._described: dict[int, SeriesJob] = {}
        self._flush_at = 0.0
        self.problem: str | None = None

    def add(self, rows: Iterable[SeriesRow]) -> None:
        """Add rows; write them when the next flush is due."""
        if self.problem is not None:
            return
        if not self._rows:
            self._flush_at = time.monotonic() + self._flush_every_s
        self._rows.extend(rows)
        if time.monotonic() >= self._flush_at:
            self.flush()

    def left_s(self) -> float | None:
        """Return the seconds until `flush` is due; None while there is nothing to write."""
        return max(0.0, self._flush_at - time.monotonic()) if self._rows else None

    def flush(self) -> None:
        """Write the added rows in one transaction."""
        rows, self._rows = self._rows, []
        if not rows or self.problem is not None:
            return
        try:
            self._write(self._connection or self._open(), rows)
        except (OSError, sqlite3.Error) as error:
            self.problem = f"no time series of jobs are written any more to {self._path}: {error}"

    def close(self) -> None:
        """Write the rest and leave one single file."""
        self.flush()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(private(str(self._path), os.O_RDWR | os.O_CREAT))  # SQLite would follow the umask, and a link
        connection = sqlite3.connect(self._path, timeout=_BUSY_S)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_TABLES)
        self._connection = connection
        return connection

    def _write(self, connection: sqlite3.Connection, rows: Sequence[SeriesRow]) -> None:
        undescribed = {row.job.job_id: row.job for row in rows if self._described.get(row.job.job_id) != row.job}
        with connection:
            connection.executemany(
                "INSERT OR REPLACE INTO job_metadata VALUES (?, ?, ?, ?, ?)",
                [(job.job_id, job.name, job.memory_limit_bytes, job.num_cpus, job.runtime_limit_s)
                 for job in undescribed.values()],
            )  # fmt: skip
            connection.executemany(_ADD_SAMPLE, [_values(row) for row in rows])
        self._described.update(undescribed)


def _values(row: SeriesRow) -> tuple[float | None, ...]:
    return (
        row.job.job_id,
        row.timestamp,
        round(row.cpu_percent, 2),
        row.memory_bytes,
        row.num_processes,
        row.job.attempt_id,
        row.read_bytes,
        row.write_bytes,
    )
