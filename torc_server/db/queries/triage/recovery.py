"""Statements of a recovery: evidence in bulk, cloned requirements, counts of faults."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from torc_core.jobs.status import STATUS_BY_CODE, JobStatus
from torc_server.db.dialect import json_without
from torc_server.db.queries.records.base import Slice
from torc_server.db.sql import id_list, sql, status_list
from torc_server.db.unit_of_work import UnitOfWork


class FailedJob(NamedTuple):
    id: int
    workflow_id: int
    name: str
    status: JobStatus
    attempt_id: int
    infrastructure_faults: int
    requirement_id: int


class Amounts(NamedTuple):
    """A requirement without its name; each amount as text and as number."""

    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory: str
    runtime: str
    memory_bytes: int
    runtime_s: float


class AttemptEvidence(NamedTuple):
    """The evidence of one attempt as JSON, with the job it is of."""

    job_id: int
    job_name: str
    run_id: int
    attempt_id: int
    data: str


_TEXTS: Final = ("stderr_excerpt", "stderr_tail", "stdout_tail")


def failed_jobs(uow: UnitOfWork, job_ids: Collection[int]) -> dict[int, FailedJob]:
    """Return those of the jobs that exist."""
    rows = uow.rows(
        sql(
            """
            SELECT id, workflow_id, name, status, attempt_id, infrastructure_faults, resource_requirements_id
            FROM job WHERE id IN $ids
            """
        ),
        ids=id_list(job_ids),
    )
    return {row[0]: FailedJob(row[0], row[1], row[2], STATUS_BY_CODE[row[3]], *row[4:]) for row in rows}


def requirements(uow: UnitOfWork, workflow_id: int) -> dict[int, tuple[str, Amounts]]:
    """Return the name and the amounts of every requirement of the workflow."""
    rows = uow.rows(
        """
        SELECT id, name, num_cpus, num_gpus, num_nodes, memory, runtime, memory_bytes, runtime_s
        FROM resource_requirements WHERE workflow_id = :workflow_id ORDER BY id
        """,
        workflow_id=workflow_id,
    )
    return {row[0]: (row[1], Amounts(*row[2:])) for row in rows}


def insert_requirement(uow: UnitOfWork, workflow_id: int, name: str, amounts: Amounts) -> int:
    """Store a requirement and return its id."""
    return int(
        uow.value(
            """
            INSERT INTO resource_requirements
                (workflow_id, name, num_cpus, num_gpus, num_nodes, memory, runtime, memory_bytes, runtime_s)
            VALUES (:workflow_id, :name, :num_cpus, :num_gpus, :num_nodes, :memory, :runtime, :memory_bytes, :runtime_s)
            RETURNING id
            """,
            workflow_id=workflow_id,
            name=name,
            **amounts._asdict(),
        )
    )


def assign_requirement(uow: UnitOfWork, job_ids: Collection[int], requirement_id: int) -> None:
    """Give the jobs these requirements, with the copies of the amounts that claims read."""
    uow.run(
        sql(
            """
            UPDATE job SET resource_requirements_id = rr.id, num_cpus = rr.num_cpus, num_gpus = rr.num_gpus,
                num_nodes = rr.num_nodes, memory_bytes = rr.memory_bytes, runtime_s = rr.runtime_s
            FROM resource_requirements rr WHERE rr.id = :requirement_id AND job.id IN $ids
            """
        ),
        requirement_id=requirement_id,
        ids=id_list(job_ids),
    )


def write_faults(uow: UnitOfWork, faults: Iterable[tuple[int, int]]) -> None:
    """Store (infrastructure faults, job id); each of them counts as an attempt before the one that comes."""
    uow.run_many(
        "UPDATE job SET infrastructure_faults = ?, attempt_id = ? WHERE id = ?",
        ((count, count + 1, job_id) for count, job_id in faults),
    )


def list_evidence(
    uow: UnitOfWork,
    workflow_id: int,
    part: Slice,
    *,
    statuses: Iterable[JobStatus],
    only_latest: bool,
    with_texts: bool,
) -> tuple[list[AttemptEvidence], int]:
    """Return the evidence of attempts of jobs that are in `statuses` now, and how many there are in all."""
    latest = """
        AND e.id = (
            SELECT id FROM failure_evidence WHERE job_id = e.job_id ORDER BY run_id DESC, attempt_id DESC LIMIT 1
        )
    """
    source = sql(
        """
        FROM job j $ordered_join failure_evidence e ON e.job_id = j.id
        WHERE j.workflow_id = :workflow_id AND j.status IN $statuses $latest
        """,
        statuses=status_list(statuses),
        latest=latest if only_latest else "",
    )
    data = "e.data" if with_texts else json_without("e.data", _TEXTS)
    rows = uow.rows(
        sql(
            """
            SELECT e.job_id, j.name, e.run_id, e.attempt_id, $data $source
            ORDER BY e.job_id, e.run_id, e.attempt_id LIMIT :limit OFFSET :offset
            """,
            data=data,
            source=source,
        ),
        workflow_id=workflow_id,
        limit=part.limit,
        offset=part.offset,
    )
    total = uow.value(sql("SELECT COUNT(*) $source", source=source), workflow_id=workflow_id)
    return [AttemptEvidence(*row) for row in rows], total
