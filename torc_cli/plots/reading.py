"""Reads the samples that runners keep of their jobs over time."""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torc_core.errors import InvalidInputError, TorcError

_SAMPLES: Final = "job_resource_samples"
_METADATA: Final = "job_metadata"
_HINT: Final = "give files like output/resource_utilization/resource_metrics_*.db"
_IDS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class SeriesSample:
    """One job at one second since the epoch; `attempt_id` is 0 where the file does not tell.

    `source` is the place of its file among those read: runs are in files of their own.
    """

    timestamp: int
    cpu_percent: float
    memory_bytes: int
    num_processes: int
    attempt_id: int
    source: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeries:
    """One job with its samples in the order of time, at least one; limits of its newest run, None for none.

    `earlier_limits_bytes` are other limits of its memory in earlier runs, in their order.
    """

    job_id: int
    name: str
    memory_limit_bytes: int | None
    num_cpus: int | None
    samples: tuple[SeriesSample, ...]
    earlier_limits_bytes: tuple[int, ...] = ()


_Described = tuple[str, int | None, int | None]
"""Name, memory limit and CPUs."""


def read_series(paths: Iterable[Path], *, job_ids: Collection[int] = ()) -> list[JobSeries]:
    """Return the jobs of all files, or those of `job_ids`, by id.

    Raises InvalidInputError for what is no such file and for jobs that no file knows, TorcError when there are no
    samples.
    """
    samples: defaultdict[int, list[SeriesSample]] = defaultdict(list)
    described: dict[tuple[int, int], _Described] = {}
    known: set[int] = set()
    names = [str(path) for path in paths]
    for source, path in enumerate(map(Path, names)):
        with _open(path) as connection:
            described |= {(job_id, source): about for job_id, about in _metadata(connection)}
            for job_id, sample in _samples(connection, source):
                known.add(job_id)
                if not job_ids or job_id in job_ids:
                    samples[job_id].append(sample)
    if not known:
        raise TorcError(
            f"no samples in {', '.join(names)}", hint="jobs that end before the first sample is due leave none"
        )
    _check_ids(job_ids, known)
    return [_series(job_id, described, samples[job_id]) for job_id in sorted(samples)]


def _check_ids(job_ids: Collection[int], known: AbstractSet[int]) -> None:
    unknown = sorted(set(job_ids) - known)
    if not unknown:
        return
    shown = ", ".join(map(str, sorted(known)[:_IDS_SHOWN])) + (" ..." if len(known) > _IDS_SHOWN else "")
    raise InvalidInputError(f"no samples of job {', '.join(map(str, unknown))}", hint=f"there are jobs {shown}")


def _series(job_id: int, described: Mapping[tuple[int, int], _Described], samples: Sequence[SeriesSample]) -> JobSeries:
    ordered = sorted(samples, key=lambda sample: sample.timestamp)
    sources = dict.fromkeys(sample.source for sample in ordered)
    runs = [described[job_id, source] for source in sources if (job_id, source) in described]
    name, memory_limit_bytes, num_cpus = runs[-1] if runs else (f"job {job_id}", None, None)
    limits = dict.fromkeys(limit for _, limit, _ in runs if limit is not None and limit != memory_limit_bytes)
    return JobSeries(
        job_id=job_id,
        name=name,
        memory_limit_bytes=memory_limit_bytes,
        num_cpus=num_cpus,
        samples=tuple(ordered),
        earlier_limits_bytes=tuple(limits),
    )


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for reading, also while the runner still writes. Errors name the file."""
    if not path.is_file():
        raise InvalidInputError(f"there is no file {path}", hint=_HINT)
    try:
        with closing(_connect(path)) as connection:
            yield connection
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise InvalidInputError(f"{path} holds no samples of jobs: {error}", hint=_HINT) from error


def _connect(path: Path) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(address, uri=True)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # a folder that may not be written to: nobody else writes there either
        connection.close()
        return sqlite3.connect(f"{address}&immutable=1", uri=True)
    return connection


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _select(connection: sqlite3.Connection, table: str, *columns: str) -> sqlite3.Cursor:
    """Return the columns, NULL for those that the file does not have."""
    present = _columns(connection, table)
    chosen = ", ".join(column if column in present else "NULL" for column in columns)
    return connection.execute(f"SELECT {chosen} FROM {table}")  # noqa: S608 - names of ours


def _samples(connection: sqlite3.Connection, source: int) -> Iterator[tuple[int, SeriesSample]]:
    columns = ("job_id", "timestamp", "cpu_percent", "memory_bytes", "num_processes", "attempt_id")
    for job_id, timestamp, cpu, memory, processes, attempt_id in _select(connection, _SAMPLES, *columns):
        attempt = int(attempt_id or 0)
        yield int(job_id), SeriesSample(int(timestamp), float(cpu), int(memory), int(processes), attempt, source)


def _metadata(connection: sqlite3.Connection) -> Iterator[tuple[int, _Described]]:
    if not _columns(connection, _METADATA):
        return
    for job_id, name, limit, cpus in _select(
        connection, _METADATA, "job_id", "job_name", "memory_limit_bytes", "num_cpus"
    ):
        yield int(job_id), (str(name), None if limit is None else int(limit), None if cpus is None else int(cpus))
