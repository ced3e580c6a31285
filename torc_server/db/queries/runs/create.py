"""Many rows at once: what a new workflow and new jobs are made of."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from torc_server.db.queries.jobs.jobs import RELATIONSHIPS
from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork


class Requirement(NamedTuple):
    """A resource requirement as jobs copy it."""

    id: int
    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory_bytes: int
    runtime_s: float


class NewJob(NamedTuple):
    """The columns of a job that its creator decides, in the order of the insert."""

    id: int
    workflow_id: int
    name: str
    command: str
    invocation_script: str | None
    env: str | None
    cancel_on_blocking_job_failure: bool
    supports_termination: bool
    priority: int
    scheduler_id: int | None
    failure_handler_id: int | None
    unresolved_dependencies: int
    resource_requirements_id: int
    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory_bytes: int
    runtime_s: float


def insert_jobs(uow: UnitOfWork, jobs: Iterable[NewJob]) -> None:
    """Inserts uninitialized jobs in their first attempt."""
    names = ", ".join(NewJob._fields)
    places = ", ".join("?" for _ in NewJob._fields)
    uow.run_many(
        sql(
            """
            INSERT INTO job ($names, status, attempt_id, infrastructure_faults)
            VALUES ($places, $UNINITIALIZED, 1, 0)
            """,
            names=names,
            places=places,
        ),
        jobs,
    )


def insert_links(uow: UnitOfWork, field: str, pairs: Iterable[tuple[int, int]]) -> None:
    """Inserts (job id, other id) for a relationship field of JobModel; pairs that exist are left alone."""
    table, column = RELATIONSHIPS[field]
    statement = sql("INSERT OR IGNORE INTO $table (job_id, $column) VALUES (?, ?)", table=table, column=column)
    uow.run_many(statement, pairs)


def replace_dependencies(uow: UnitOfWork, job_id: int, dependency_ids: Collection[int]) -> None:
    uow.run("DELETE FROM job_depends_on WHERE job_id = :job_id", job_id=job_id)
    insert_links(uow, "depends_on_job_ids", ((job_id, other) for other in dependency_ids))


def insert_rows(uow: UnitOfWork, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    """Inserts rows whose values are ready for the database; JSON is text already."""
    uow.run_many(
        sql(
            "INSERT INTO $table ($columns) VALUES ($places)",
            table=table,
            columns=", ".join(columns),
            places=", ".join("?" for _ in columns),
        ),
        rows,
    )


def requirements(uow: UnitOfWork, workflow_id: int) -> dict[int, Requirement]:
    """All requirements of the workflow by id."""
    rows = uow.rows(
        """
        SELECT id, num_cpus, num_gpus, num_nodes, memory_bytes, runtime_s
        FROM resource_requirements WHERE workflow_id = :workflow_id ORDER BY id
        """,
        workflow_id=workflow_id,
    )
    return {row[0]: Requirement(*row) for row in rows}


def default_requirement_id(uow: UnitOfWork, workflow_id: int) -> int | None:
    """The oldest requirement named `default`."""
    found: int | None = uow.value(
        "SELECT MIN(id) FROM resource_requirements WHERE workflow_id = :workflow_id AND name = 'default'",
        workflow_id=workflow_id,
    )
    return found


def foreign_ids(uow: UnitOfWork, table: str, workflow_id: int, ids: Collection[int]) -> list[int]:
    """Those of the ids that are no record of the workflow in this table."""
    return uow.ids(
        sql(
            """
            SELECT DISTINCT value FROM json_each(:ids)
            WHERE value NOT IN (SELECT id FROM $table WHERE workflow_id = :workflow_id)
            ORDER BY value
            """,
            table=table,
        ),
        ids=id_list(ids),
        workflow_id=workflow_id,
    )


def as_text(value: Any) -> str | None:
    """JSON for a column, None for none."""
    return None if value is None else json.dumps(value, separators=(",", ":"))


def write_job(uow: UnitOfWork, job_id: int, values: Mapping[str, Any]) -> None:
    """Writes columns of one job, never its status."""
    if values:
        columns = ", ".join(f"{column} = :{column}" for column in values)
        uow.run(sql("UPDATE job SET $columns WHERE id = :job_id", columns=columns), job_id=job_id, **values)


def delete_jobs(uow: UnitOfWork, job_ids: Collection[int]) -> int:
    """Deletes the jobs with all that hangs on them; how many there were."""
    return uow.run(sql("DELETE FROM job WHERE id IN $ids"), ids=id_list(job_ids))
