"""Failed jobs with the newest attempt that failed, its signature and its evidence."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from torc_core.jobs.status import JobStatus
from torc_core.slurm.quantities import parse_slurm_memory, parse_slurm_walltime
from torc_core.triage.history import History
from torc_core.triage.limits import AllocationLimits
from torc_core.triage.similar import Lesson
from torc_server.db.queries.triage.decisions import NEXT_ATTEMPT
from torc_server.db.sql import id_list, sql, status_list
from torc_server.db.unit_of_work import UnitOfWork


class Failure(NamedTuple):
    """One failed job and its newest failed attempt; `signature` names the return code where there is no evidence."""

    job_id: int
    job_name: str
    run_id: int
    attempt_id: int
    return_code: int | None
    exec_time_minutes: float | None
    peak_memory_bytes: int | None
    evidence_id: int | None
    signature: str
    requirement_id: int
    requirement_name: str
    memory_bytes: int
    runtime_s: float
    scheduler_id: int | None


class StoredEvidence(NamedTuple):
    data: str
    cause: str | None


_MOST_LESSONS: Final = 300
"""The newest decided causes of the server; each list of new failures compares words with all of them."""

_SIGNATURE: Final = "COALESCE(e.signature, 'exit_' || COALESCE(r.return_code, 'unknown'))"
_CONDITIONS: Final = {
    "signature": f"{_SIGNATURE} = :signature",
    "prefix": f"substr({_SIGNATURE}, 1, length(:prefix)) = :prefix",
    "job_id": "j.id = :job_id",
}


def failures(
    uow: UnitOfWork,
    workflow_id: int,
    statuses: Iterable[JobStatus],
    *,
    signature: str | None = None,
    prefix: str | None = None,
    job_id: int | None = None,
) -> list[Failure]:
    """Return the jobs of the workflow that are in these statuses now, in the order of their ids.

    With this signature, or with one that begins with `prefix`; None is no condition.
    """
    given = {"signature": signature, "prefix": prefix, "job_id": job_id}
    values = {name: value for name, value in given.items() if value is not None}
    rows = uow.rows(
        sql(
            """
            SELECT j.id, j.name, COALESCE(r.run_id, w.run_id), COALESCE(r.attempt_id, j.attempt_id),
                r.return_code, r.exec_time_minutes, r.peak_memory_bytes, e.id,
                $signature,
                q.id, q.name, q.memory_bytes, q.runtime_s, j.scheduler_id
            FROM job j
            JOIN workflow w ON w.id = j.workflow_id
            JOIN resource_requirements q ON q.id = j.resource_requirements_id
            LEFT JOIN result r ON r.job_id = j.id AND (r.run_id, r.attempt_id) = (
                SELECT run_id, attempt_id FROM result WHERE job_id = j.id AND status IN $FAILURES
                ORDER BY run_id DESC, attempt_id DESC LIMIT 1
            )
            LEFT JOIN failure_evidence e
                ON e.job_id = r.job_id AND e.run_id = r.run_id AND e.attempt_id = r.attempt_id
            WHERE j.workflow_id = :workflow_id AND j.status IN $statuses $conditions
            ORDER BY j.id
            """,
            signature=_SIGNATURE,
            statuses=status_list(statuses),
            conditions="".join(f" AND {_CONDITIONS[name]}" for name in values),
        ),
        workflow_id=workflow_id,
        **values,
    )
    return [Failure(*row) for row in rows]


def evidence_texts(uow: UnitOfWork, evidence_ids: Collection[int]) -> dict[int, StoredEvidence]:
    rows = uow.rows(sql("SELECT id, data, cause FROM failure_evidence WHERE id IN $ids"), ids=id_list(evidence_ids))
    return {row[0]: StoredEvidence(row[1], row[2]) for row in rows}


def allocation_limits(uow: UnitOfWork, workflow_id: int) -> list[AllocationLimits]:
    """Return what the scheduler configurations of the workflow ask for."""
    rows = uow.rows("SELECT id, walltime, mem FROM slurm_scheduler WHERE workflow_id = :id", id=workflow_id)
    return [
        AllocationLimits(scheduler_id, parse_slurm_memory(memory), parse_slurm_walltime(walltime))
        for scheduler_id, walltime, memory in rows
    ]


def largest_memory(uow: UnitOfWork, workflow_id: int) -> int | None:
    """Return the bytes of memory of the largest runner that the workflow ever had; None where it had none."""
    largest = uow.value("SELECT MAX(memory_gb) FROM compute_node WHERE workflow_id = :id", id=workflow_id)
    return None if largest is None else int(largest * 2**30)


class Histories(NamedTuple):
    """The history of a signature in one workflow, and in all others."""

    here: History = History()
    elsewhere: History = History()


def histories(uow: UnitOfWork, workflow_id: int, signatures: Collection[str]) -> dict[str, Histories]:
    """Return the history of every signature that was ever decided about, in the workflow and elsewhere.

    What recovery does by its own heuristics was decided by nobody, so it is not counted. A retry failed again when
    it ended with the same signature; another failure proves nothing about this one.
    """
    rows = uow.rows(
        sql(
            """
            WITH known AS (
                SELECT d.signature AS signature, d.workflow_id = :workflow_id AS here, d.action = 'retry' AS retry,
                    d.memory IS NULL AND d.runtime IS NULL AS plain,
                    d.decided_by_kind = 'person' AS by_people,
                    d.workflow_id || ':' || d.run_id || ':' || d.attempt_id AS round,
                    COALESCE(d.action = 'retry' AND r.status = $COMPLETED, 0) AS succeeded,
                    COALESCE(d.action = 'retry' AND r.status IN $FAILURES
                        AND COALESCE(e.signature, 'exit_' || r.return_code) = d.signature, 0) AS again
                FROM decision d
                LEFT JOIN result r ON $next_attempt
                LEFT JOIN failure_evidence e
                    ON e.job_id = r.job_id AND e.run_id = r.run_id AND e.attempt_id = r.attempt_id
                WHERE d.signature IN $ids AND d.decided_by_kind <> 'recovery' AND d.undone_at IS NULL
            )
            SELECT signature, here, SUM(retry), SUM(succeeded), SUM(again), SUM(NOT retry),
                SUM(succeeded AND plain), COUNT(DISTINCT CASE WHEN again AND plain THEN round END),
                SUM(succeeded AND NOT plain), COUNT(DISTINCT CASE WHEN again AND NOT plain THEN round END),
                SUM(retry AND by_people), SUM(NOT retry AND by_people)
            FROM known GROUP BY signature, here
            """,
            next_attempt=NEXT_ATTEMPT,
        ),
        ids=id_list(signatures),
        workflow_id=workflow_id,
    )
    found = {(row[0], bool(row[1])): History(*row[2:]) for row in rows}
    return {
        signature: Histories(found.get((signature, True), History()), found.get((signature, False), History()))
        for signature in {signature for signature, _ in found}
    }


def lessons(uow: UnitOfWork, workflow_id: int) -> list[Lesson]:
    """Return the causes that were decided about lately, in any workflow of this server, with their history."""
    rows = uow.rows(
        """
        SELECT d.signature, MAX(e.cause) FROM decision d
        JOIN failure_evidence e ON e.job_id = d.job_id AND e.run_id = d.run_id AND e.attempt_id = d.attempt_id
        WHERE d.signature IS NOT NULL AND d.decided_by_kind <> 'recovery' AND d.undone_at IS NULL
            AND e.cause IS NOT NULL
        GROUP BY d.signature ORDER BY MAX(d.id) DESC LIMIT :most
        """,
        most=_MOST_LESSONS,
    )
    found = histories(uow, workflow_id, [signature for signature, _ in rows])
    return [
        Lesson(signature, cause, History(*map(sum, zip(*found[signature], strict=True))))
        for signature, cause in rows
        if signature in found
    ]
