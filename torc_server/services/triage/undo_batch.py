"""Undoes decisions that were made together, in one request."""

from torc_core.api.failures import Actor, UndoRequest, UndoResponse
from torc_server.db.queries.triage import batches as queries
from torc_server.db.queries.triage.batches import Batch as Batch
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.lookup import find_workflow
from torc_server.services.triage.undo import undo


def last_batch(uow: UnitOfWork, workflow_id: int) -> Batch | None:
    """Return the newest decisions that were made together and not undone; None without any."""
    find_workflow(uow, workflow_id)
    return queries.last_batch(uow, workflow_id)


def undo_batch(uow: UnitOfWork, workflow_id: int, decided_at: str, *, actor: Actor) -> UndoResponse:
    """Undo the decisions of this moment, as far as nothing ran because of them.

    Raises NotFoundError when there is none.
    """
    job_ids = queries.jobs_of_batch(uow, workflow_id, decided_at)
    return undo(uow, workflow_id, UndoRequest(actor=actor, job_ids=job_ids))
