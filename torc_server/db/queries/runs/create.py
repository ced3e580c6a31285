"""Statements that create workflows and jobs, many rows at once."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final, NamedTuple

from torc_core.api.jobs import JOB_FIELD_DEFAULTS, SHARED_JOB_FIELDS, JobDraft, JobModel
from torc_server.db.queries.jobs.jobs import RELATIONSHIPS
from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork


class CopiedRequirement(NamedTuple):
    """A resource requirement as jobs copy it."""

    id: int
    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory_bytes: int
    runtime_s: float


class NewJob(NamedTuple):
    """The fields of a job that its creator decides. `source` holds the shared fields."""

    id: int
    source: JobModel | JobDraft
    scheduler_id: int | None
    failure_handler_id: int | None
    unresolved_dependencies: int
    requirement: CopiedRequirement


_JOB_COLUMNS: Final = (
    "id",
    "workflow_id",
    *SHARED_JOB_FIELDS,
    "scheduler_id",
    "failure_handler_id",
    "unresolved_dependencies",
    "resource_requirements_id",
    *CopiedRequirement._fields[1:],
)
_read_shared: Final = attrgetter(*SHARED_JOB_FIELDS)
_DEFAULTS: Final = tuple(JOB_FIELD_DEFAULTS[field] for field in SHARED_JOB_FIELDS)


def workflow_of_key(uow: UnitOfWork, creation_key: str) -> int | None:
    """Return the id of the workflow that was created with this key."""
    found: int | None = uow.value("SELECT id FROM workflow WHERE creation_key = :key", key=creation_key)
    return found


def first_job_id(uow: UnitOfWork, workflow_id: int) -> int | None:
    found: int | None = uow.value("SELECT MIN(id) FROM job WHERE workflow_id = :workflow_id", workflow_id=workflow_id)
    return found


def insert_jobs(uow: UnitOfWork, workflow_id: int, jobs: Iterable[NewJob]) -> None:
    """Insert uninitialized jobs in their first attempt."""
    names = ", ".join(_JOB_COLUMNS)
    places = ", ".join("?" for _ in _JOB_COLUMNS)
    uow.run_many(
        sql(
            """
            INSERT INTO job ($names, status, attempt_id, infrastructure_faults)
            VALUES ($places, $UNINITIALIZED, 1, 0)
            """,
            names=names,
            places=places,
        ),
        (
            (job_id, workflow_id, *_shared_columns(source), scheduler, handler, unresolved, *requirement)
            for job_id, source, scheduler, handler, unresolved, requirement in jobs
        ),
    )


def _shared_columns(source: JobModel | JobDraft) -> Iterator[Any]:
    for value, default in zip(_read_shared(source), _DEFAULTS, strict=True):
        yield default if value is None else column_value(value)


def column_value(value: Any) -> Any:
    """Return the value as a column holds it: JSON text for mappings and lists, NULL for an empty list."""
    if isinstance(value, list) and not value:
        return None
    return as_text(value) if isinstance(value, dict | list) else value


def insert_links(uow: UnitOfWork, field: str, pairs: Iterable[tuple[int, int]]) -> None:
    """Insert (job id, other id) pairs of a relationship field of JobModel; leave existing pairs alone."""
    table, column = RELATIONSHIPS[field]
    statement = sql(
        "INSERT INTO $table (job_id, $column) VALUES (?, ?) ON CONFLICT DO NOTHING", table=table, column=column
    )
    uow.run_many(statement, pairs)


def replace_dependencies(uow: UnitOfWork, job_id: int, dependency_ids: Collection[int]) -> None:
    uow.run("DELETE FROM job_depends_on WHERE job_id = :job_id", job_id=job_id)
    insert_links(uow, "depends_on_job_ids", ((job_id, other) for other in dependency_ids))


def insert_rows(uow: UnitOfWork, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows whose values the database takes as they are; JSON is text already."""
    uow.run_many(
        sql(
            "INSERT INTO $table ($columns) VALUES ($places)",
            table=table,
            columns=", ".join(columns),
            places=", ".join("?" for _ in columns),
        ),
        rows,
    )


def requirements(uow: UnitOfWork, workflow_id: int) -> dict[int, CopiedRequirement]:
    """Return all resource requirements of the workflow by id."""
    rows = uow.rows(
        """
        SELECT id, num_cpus, num_gpus, num_nodes, memory_bytes, runtime_s
        FROM resource_requirements WHERE workflow_id = :workflow_id ORDER BY id
        """,
        workflow_id=workflow_id,
    )
    return {row[0]: CopiedRequirement(*row) for row in rows}


def default_requirement_id(uow: UnitOfWork, workflow_id: int) -> int | None:
    """Return the oldest resource requirement named `default`, or None."""
    found: int | None = uow.value(
        "SELECT MIN(id) FROM resource_requirements WHERE workflow_id = :workflow_id AND name = 'default'",
        workflow_id=workflow_id,
    )
    return found


def as_text(value: Any) -> str | None:
    """Return the JSON text for a column, None for None."""
    return None if value is None else json.dumps(value, separators=(",", ":"))


def write_job(uow: UnitOfWork, job_id: int, values: Mapping[str, Any]) -> None:
    """Write columns of one job; never its status, which only `queries.jobs.transitions` writes."""
    if values:
        columns = ", ".join(f"{column} = :{column}" for column in values)
        uow.run(sql("UPDATE job SET $columns WHERE id = :job_id", columns=columns), job_id=job_id, **values)


def delete_jobs(uow: UnitOfWork, job_ids: Collection[int]) -> int:
    """Delete the jobs and the records that belong to them; return how many jobs there were."""
    return uow.run(sql("DELETE FROM job WHERE id IN $ids"), ids=id_list(job_ids))
