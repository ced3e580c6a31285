"""Records kept for clients: Slurm statistics, remote workers, provenance."""

from collections.abc import Sequence
from typing import Final

from torc_core.api.base import Page
from torc_core.api.others import (
    DeletedEntities,
    RemoteWorkerModel,
    RoCrateEntityModel,
    SlurmJobCorrelation,
    SlurmStatsModel,
)
from torc_core.api.system import Message
from torc_core.errors import InvalidInputError, NotFoundError
from torc_server.db.queries.records import others as queries
from torc_server.db.queries.records.base import RecordStore
from torc_server.db.queries.records.relationships import workflow_of_job
from torc_server.db.tables.runners import SlurmStats
from torc_server.db.tables.workflows import RoCrateEntity
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import Records
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest

SLURM_STATS: Final = Records(RecordStore(SlurmStats), SlurmStatsModel, noun="Slurm statistics")
RO_CRATE: Final = Records(RecordStore(RoCrateEntity), RoCrateEntityModel, noun="RO-Crate entity")


def create_slurm_stats(uow: UnitOfWork, record: SlurmStatsModel) -> SlurmStatsModel:
    """Store the statistics of one attempt; a second report replaces the first."""
    if workflow_of_job(uow, record.job_id) != record.workflow_id:
        raise NotFoundError(f"there is no job {record.job_id} in workflow {record.workflow_id}")
    queries.delete_slurm_stats(uow, record.job_id, run_id=record.run_id, attempt_id=record.attempt_id)
    return SLURM_STATS.create(uow, record)


def slurm_job_correlations(uow: UnitOfWork, workflow_id: int, page: PageRequest) -> Page[SlurmJobCorrelation]:
    """List which Slurm job each job ran in, once for each pair."""
    find_workflow(uow, workflow_id)
    rows, total = queries.slurm_job_correlations(uow, workflow_id, offset=page.offset, limit=page.limit)
    return page.page([SlurmJobCorrelation.model_validate(row) for row in rows], total=total)


def add_remote_workers(uow: UnitOfWork, workflow_id: int, workers: Sequence[str]) -> list[RemoteWorkerModel]:
    """Add remote workers by name, each once; return all of the workflow."""
    find_workflow(uow, workflow_id)
    if any(not worker.strip() for worker in workers):
        raise InvalidInputError("the name of a remote worker is empty")
    queries.insert_remote_workers(uow, workflow_id, workers)
    return list_remote_workers(uow, workflow_id)


def list_remote_workers(uow: UnitOfWork, workflow_id: int) -> list[RemoteWorkerModel]:
    find_workflow(uow, workflow_id)
    return [
        RemoteWorkerModel(workflow_id=workflow_id, worker=worker) for worker in queries.remote_workers(uow, workflow_id)
    ]


def delete_remote_worker(uow: UnitOfWork, workflow_id: int, worker: str) -> RemoteWorkerModel:
    if not queries.delete_remote_worker(uow, workflow_id, worker):
        raise NotFoundError(f"workflow {workflow_id} has no remote worker {worker!r}")
    return RemoteWorkerModel(workflow_id=workflow_id, worker=worker)


def create_ro_crate_entity(uow: UnitOfWork, record: RoCrateEntityModel) -> RoCrateEntityModel:
    _require_own_file(uow, record)
    return RO_CRATE.create(uow, record)


def update_ro_crate_entity(uow: UnitOfWork, record_id: int, record: RoCrateEntityModel) -> RoCrateEntityModel:
    _require_own_file(uow, record)
    return RO_CRATE.update(uow, record_id, record)


def delete_ro_crate_entity(uow: UnitOfWork, record_id: int) -> Message:
    RO_CRATE.delete(uow, record_id)
    return Message(message=f"deleted RO-Crate entity {record_id}")


def delete_ro_crate_entities(uow: UnitOfWork, workflow_id: int) -> DeletedEntities:
    count = RO_CRATE.delete_all(uow, workflow_id).count
    return DeletedEntities(deleted_count=count, message=f"deleted {count} RO-Crate entities")


def _require_own_file(uow: UnitOfWork, record: RoCrateEntityModel) -> None:
    if record.file_id is not None and queries.workflow_of_file(uow, record.file_id) != record.workflow_id:
        raise InvalidInputError(f"there is no file {record.file_id} in workflow {record.workflow_id}")
