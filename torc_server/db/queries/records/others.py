"""Statements of the records kept for clients."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text

from torc_server.db.queries.records.base import Row
from torc_server.db.sql import sql
from torc_server.db.unit_of_work import UnitOfWork


def delete_slurm_stats(uow: UnitOfWork, job_id: int, *, run_id: int, attempt_id: int) -> None:
    uow.run(
        "DELETE FROM slurm_stats WHERE job_id = :job_id AND run_id = :run_id AND attempt_id = :attempt_id",
        job_id=job_id,
        run_id=run_id,
        attempt_id=attempt_id,
    )


_CORRELATIONS: Final = sql(
    """
    SELECT DISTINCT s.job_id, j.name AS job_name, s.slurm_job_id
    FROM slurm_stats s $ordered_join job j ON j.id = s.job_id
    WHERE s.workflow_id = :workflow_id AND s.slurm_job_id IS NOT NULL
    """
)


def slurm_job_correlations(uow: UnitOfWork, workflow_id: int, *, offset: int, limit: int) -> tuple[list[Row], int]:
    """Return the pairs of the slice, and how many there are in all."""
    statement = text(f"{_CORRELATIONS} ORDER BY s.job_id, s.slurm_job_id LIMIT :limit OFFSET :offset")
    values = {"workflow_id": workflow_id, "offset": offset, "limit": limit}
    rows = [dict(row) for row in uow.session.execute(statement, values).mappings()]
    total: int = uow.value(sql("SELECT COUNT(*) FROM ($pairs)", pairs=_CORRELATIONS), workflow_id=workflow_id)
    return rows, total


def insert_remote_workers(uow: UnitOfWork, workflow_id: int, workers: Sequence[str]) -> None:
    uow.run_many(
        "INSERT INTO remote_worker (workflow_id, worker) VALUES (?, ?) ON CONFLICT DO NOTHING",
        ((workflow_id, worker) for worker in workers),
    )


def remote_workers(uow: UnitOfWork, workflow_id: int) -> list[str]:
    rows = uow.rows("SELECT worker FROM remote_worker WHERE workflow_id = :id ORDER BY worker", id=workflow_id)
    return [row[0] for row in rows]


def delete_remote_worker(uow: UnitOfWork, workflow_id: int, worker: str) -> int:
    """Delete the row and return how many there were: none or one."""
    return uow.run(
        "DELETE FROM remote_worker WHERE workflow_id = :id AND worker = :worker", id=workflow_id, worker=worker
    )


def workflow_of_file(uow: UnitOfWork, file_id: int) -> int | None:
    owner: int | None = uow.value("SELECT workflow_id FROM file WHERE id = :id", id=file_id)
    return owner
