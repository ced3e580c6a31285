"""Counts and lists of jobs for people who look at a workflow."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from torc_core.evidence.record import Evidence
from torc_core.jobs.status import STATUS_BY_CODE, JobStatus
from torc_server.db.dialect import contains
from torc_server.db.sql import id_list, sql, status_list
from torc_server.db.unit_of_work import UnitOfWork


class JobLine(NamedTuple):
    """One job in a list."""

    id: int
    name: str
    status: JobStatus
    attempt_id: int


def count_by_workflow(uow: UnitOfWork, workflow_ids: Collection[int]) -> dict[int, dict[JobStatus, int]]:
    """Return how many jobs of each workflow are in each status."""
    counts: defaultdict[int, dict[JobStatus, int]] = defaultdict(dict)
    rows = uow.rows(
        sql("SELECT workflow_id, status, COUNT(*) FROM job WHERE workflow_id IN $ids GROUP BY workflow_id, status"),
        ids=id_list(workflow_ids),
    )
    for workflow_id, code, count in rows:
        counts[workflow_id][STATUS_BY_CODE[code]] = count
    return counts


def list_jobs(
    uow: UnitOfWork, workflow_id: int, *, statuses: Collection[JobStatus], text: str, offset: int, limit: int
) -> list[JobLine]:
    """Return the jobs in these statuses (all without any) whose name holds the text, by id."""
    rows = uow.rows(
        sql(
            """
            SELECT id, name, status, attempt_id FROM job
            WHERE workflow_id = :workflow_id AND status IN $statuses $condition
            ORDER BY id LIMIT :limit OFFSET :offset
            """,
            statuses=status_list(statuses or JobStatus),
            condition=f"AND {contains('name', ':text')}" if text else "",
        ),
        workflow_id=workflow_id,
        text=text,
        offset=offset,
        limit=limit,
    )
    return [JobLine(row[0], row[1], STATUS_BY_CODE[row[2]], row[3]) for row in rows]


def count_jobs(uow: UnitOfWork, workflow_id: int, *, statuses: Collection[JobStatus], text: str) -> int:
    """Return how many jobs `list_jobs` lists in all."""
    return int(
        uow.value(
            sql(
                """
                SELECT COUNT(*) FROM job
                WHERE workflow_id = :workflow_id AND status IN $statuses $condition
                """,
                statuses=status_list(statuses or JobStatus),
                condition=f"AND {contains('name', ':text')}" if text else "",
            ),
            workflow_id=workflow_id,
            text=text,
        )
    )


def evidence_of_job(uow: UnitOfWork, job_id: int) -> dict[tuple[int, int], Evidence]:
    """Return the evidence of the newest failed attempts of a job, by run and attempt."""
    rows = uow.rows(
        """
        SELECT run_id, attempt_id, data FROM failure_evidence
        WHERE job_id = :job_id ORDER BY run_id DESC, attempt_id DESC LIMIT 20
        """,
        job_id=job_id,
    )
    return {(row[0], row[1]): Evidence.model_validate_json(row[2]) for row in rows}


def count_open_proposals(uow: UnitOfWork, workflow_id: int) -> int:
    """Return how many proposals were neither decided nor have expired."""
    return int(
        uow.value(
            "SELECT COUNT(*) FROM proposal WHERE workflow_id = :id AND state = 'open' AND expires_at > :now",
            id=workflow_id,
            now=uow.now_text,
        )
    )


def names(uow: UnitOfWork, workflow_id: int) -> Sequence[Sequence[Any]]:
    """Return id and name of every job of the workflow, by id."""
    return uow.rows("SELECT id, name FROM job WHERE workflow_id = :id ORDER BY id", id=workflow_id)


def statuses(uow: UnitOfWork, workflow_id: int) -> Sequence[Sequence[Any]]:
    """Return id and status code of every job of the workflow."""
    return uow.rows("SELECT id, status FROM job WHERE workflow_id = :id", id=workflow_id)
