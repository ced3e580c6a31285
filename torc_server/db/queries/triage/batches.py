"""Decisions that were made together: those of one transaction have one time."""

from typing import NamedTuple

from torc_core.api.failures import Actor
from torc_server.db.unit_of_work import UnitOfWork


class Batch(NamedTuple):
    """The decisions of one moment."""

    decided_at: str
    jobs: int
    retried: int
    decider: Actor


def last_batch(uow: UnitOfWork, workflow_id: int) -> Batch | None:
    """Return the newest decisions that were not undone; None without any."""
    row = uow.row(
        """
        SELECT d.decided_at, COUNT(*), SUM(d.action = 'retry'), COALESCE(MIN(d.approved_by), MIN(d.actor))
        FROM decision d
        WHERE d.workflow_id = :id AND d.undone_at IS NULL AND d.decided_at = (
            SELECT decided_at FROM decision WHERE workflow_id = :id AND undone_at IS NULL ORDER BY id DESC LIMIT 1
        )
        """,
        id=workflow_id,
    )
    if row is None or not row[1]:
        return None
    return Batch(row[0], row[1], row[2], Actor.model_validate_json(row[3]))


def jobs_of_batch(uow: UnitOfWork, workflow_id: int, decided_at: str) -> list[int]:
    """Return the jobs that were decided about at this time, without those of undone decisions."""
    return uow.ids(
        """
        SELECT job_id FROM decision
        WHERE workflow_id = :id AND decided_at = :decided_at AND undone_at IS NULL ORDER BY job_id
        """,
        id=workflow_id,
        decided_at=decided_at,
    )
