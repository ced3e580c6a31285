"""Lists of jobs under conditions."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from torc_core.jobs.status import JobStatus
from torc_server.db.dialect import contains
from torc_server.db.queries.records.base import Slice
from torc_server.db.sql import sql, status_list
from torc_server.db.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Conditions on the jobs of a list; None and no status are none. `name` must be equal, `command` contained.

    `labels` (JSON text) are such that a job has all of them.
    """

    statuses: Collection[JobStatus] = ()
    needs_file_id: int | None = None
    upstream_job_id: int | None = None
    active_compute_node_id: int | None = None
    name: str | None = None
    command: str | None = None
    origin_is_set: bool | None = None
    labels: str | None = None


_CONDITIONS: Final = {
    "needs_file_id": "id IN (SELECT job_id FROM job_input_file WHERE file_id = :needs_file_id)",
    "upstream_job_id": "id IN (SELECT job_id FROM job_depends_on WHERE depends_on_job_id = :upstream_job_id)",
    "active_compute_node_id": sql("compute_node_id = :active_compute_node_id AND status IN $ACTIVE"),
    "name": "name = :name",
    "command": contains("command", ":command"),
    "origin_is_set": "(origin IS NOT NULL) = :origin_is_set",
    "labels": sql(
        """
        NOT EXISTS (
            SELECT 1 FROM $labels_of_runner WHERE value NOT IN (SELECT wanted.value FROM $labels_of_job AS wanted)
        )
        """
    ),
}


def find_jobs(uow: UnitOfWork, workflow_id: int, part: Slice, wanted: JobFilter) -> list[int]:
    """Return the ids of the jobs of the slice, in its order."""
    conditions, values = _where(workflow_id, wanted)
    return uow.ids(
        sql(
            """
            SELECT id FROM job WHERE $conditions
            ORDER BY $column $direction, id $direction LIMIT :limit OFFSET :offset
            """,
            conditions=conditions,
            column=part.sort_by,
            direction="DESC" if part.descending else "ASC",
        ),
        limit=part.limit,
        offset=part.offset,
        **values,
    )


def count_jobs(uow: UnitOfWork, workflow_id: int, wanted: JobFilter) -> int:
    conditions, values = _where(workflow_id, wanted)
    return int(uow.value(sql("SELECT COUNT(*) FROM job WHERE $conditions", conditions=conditions), **values))


def _where(workflow_id: int, wanted: JobFilter) -> tuple[str, dict[str, Any]]:
    given = {name: getattr(wanted, name) for name in _CONDITIONS}
    values = {name: value for name, value in given.items() if value is not None}
    conditions = ["workflow_id = :workflow_id", *(_CONDITIONS[name] for name in values)]
    if wanted.statuses:
        conditions.append(f"status IN {status_list(wanted.statuses)}")
    return " AND ".join(conditions), {"workflow_id": workflow_id, **values}
