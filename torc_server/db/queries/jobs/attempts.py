"""Results and evidence of ended attempts."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from torc_core.api.results import ResultModel
from torc_core.jobs.status import STATUS_CODES
from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork


class AttemptKey(NamedTuple):
    """The key of an attempt in results, evidence and decisions."""

    job_id: int
    run_id: int
    attempt_id: int


def recorded_attempts(uow: UnitOfWork, job_ids: Collection[int], run_id: int) -> set[AttemptKey]:
    """Return the attempts of these jobs that have a result in the run."""
    rows = uow.rows(
        sql("SELECT job_id, run_id, attempt_id FROM result WHERE job_id IN $ids AND run_id = :run_id"),
        ids=id_list(job_ids),
        run_id=run_id,
    )
    return {AttemptKey(*row) for row in rows}


def write_results(uow: UnitOfWork, workflow_id: int, results: Iterable[tuple[AttemptKey, ResultModel]]) -> None:
    """Store one row for each attempt, in place of one that was stored by hand before."""
    uow.run_many(
        """
        INSERT INTO result (
            workflow_id, job_id, run_id, attempt_id, compute_node_id, return_code, exec_time_minutes,
            completion_time, status, peak_memory_bytes, avg_memory_bytes, peak_cpu_percent, avg_cpu_percent, cpu_time_s
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (job_id, run_id, attempt_id) DO UPDATE SET
            compute_node_id = excluded.compute_node_id, return_code = excluded.return_code,
            exec_time_minutes = excluded.exec_time_minutes, completion_time = excluded.completion_time,
            status = excluded.status, peak_memory_bytes = excluded.peak_memory_bytes,
            avg_memory_bytes = excluded.avg_memory_bytes, peak_cpu_percent = excluded.peak_cpu_percent,
            avg_cpu_percent = excluded.avg_cpu_percent, cpu_time_s = excluded.cpu_time_s
        """,
        (
            (
                workflow_id,
                *attempt,
                result.compute_node_id,
                result.return_code,
                result.exec_time_minutes,
                result.completion_time,
                STATUS_CODES[result.status],
                result.peak_memory_bytes,
                result.avg_memory_bytes,
                result.peak_cpu_percent,
                result.avg_cpu_percent,
                result.cpu_time_s,
            )
            for attempt, result in results
        ),
    )


class SignedEvidence(NamedTuple):
    """Evidence as it is stored: its JSON without credentials, its signature, and the line that names the cause."""

    data: str
    signature: str
    cause: str


def write_evidence(uow: UnitOfWork, workflow_id: int, evidence: Iterable[tuple[AttemptKey, SignedEvidence]]) -> None:
    """Store each attempt's evidence, in place of what was stored before."""
    uow.run_many(
        """
        INSERT INTO failure_evidence (workflow_id, job_id, run_id, attempt_id, data, signature, cause)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (job_id, run_id, attempt_id)
        DO UPDATE SET data = excluded.data, signature = excluded.signature, cause = excluded.cause
        """,
        ((workflow_id, *attempt, *signed) for attempt, signed in evidence),
    )


def write_mtimes(uow: UnitOfWork, workflow_id: int, mtimes: Iterable[tuple[int, float]]) -> None:
    """Store modification times by file id, and forget the contents; leave files of other workflows alone."""
    uow.run_many(
        "UPDATE file SET st_mtime = ?, sha256 = NULL WHERE id = ? AND workflow_id = ?",
        ((st_mtime, file_id, workflow_id) for file_id, st_mtime in mtimes),
    )


def find_evidence(
    uow: UnitOfWork, job_id: int, *, run_id: int | None, attempt_id: int | None
) -> tuple[AttemptKey, str] | None:
    """Return the evidence of the newest attempt that meets the conditions, as JSON."""
    row = uow.row(
        """
        SELECT job_id, run_id, attempt_id, data FROM failure_evidence
        WHERE job_id = :job_id AND (:run_id IS NULL OR run_id = :run_id)
            AND (:attempt_id IS NULL OR attempt_id = :attempt_id)
        ORDER BY run_id DESC, attempt_id DESC LIMIT 1
        """,
        job_id=job_id,
        run_id=run_id,
        attempt_id=attempt_id,
    )
    return None if row is None else (AttemptKey(*row[:3]), row[3])
