"""Records kept for clients: Slurm statistics, remote workers, provenance."""

from dataclasses import replace
from typing import Annotated

from fastapi import Body

from torc_core.api.base import Page
from torc_core.api.others import (
    DeletedEntities,
    RemoteWorkerModel,
    RoCrateEntityModel,
    SlurmJobCorrelation,
    SlurmStatsModel,
)
from torc_core.api.system import Message
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import QueryId, RecordId, SortedPage, UnsortedPage
from torc_server.routes.records.factory import add_record_routes, services_of
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import others

router = contract_router("others")


add_record_routes(
    router,
    "/slurm_stats",
    SlurmStatsModel,
    replace(
        services_of(others.SLURM_STATS),
        create=others.create_slurm_stats,
        get=None,
        update=None,
        delete=None,
        delete_all=None,
    ),
    one="slurm_stats",
    filters={"job_id": QueryId, "run_id": QueryId, "attempt_id": QueryId},
    page=UnsortedPage,
    tags=("slurm_stats",),
)
add_record_routes(
    router,
    "/ro_crate_entities",
    RoCrateEntityModel,
    replace(
        services_of(others.RO_CRATE),
        create=others.create_ro_crate_entity,
        update=others.update_ro_crate_entity,
        list_page=None,
        delete=None,
        delete_all=None,
    ),
    one="ro_crate_entity",
    tags=("ro_crate_entities",),
)


@router.get("/workflows/{id}/slurm_job_correlations", tags=["workflows"])
def get_slurm_job_correlations(workflow_id: RecordId, work: Working, page: UnsortedPage) -> Page[SlurmJobCorrelation]:
    return work.read(others.slurm_job_correlations, workflow_id, page)


@router.post("/workflows/{id}/remote_workers", tags=["remote_workers"])
def create_remote_workers(
    workflow_id: RecordId, body: Annotated[list[str], Body()], work: Working
) -> list[RemoteWorkerModel]:
    return work.write(others.add_remote_workers, workflow_id, body)


@router.get("/workflows/{id}/remote_workers", tags=["remote_workers"])
def list_remote_workers(workflow_id: RecordId, work: Working) -> list[RemoteWorkerModel]:
    return work.read(others.list_remote_workers, workflow_id)


@router.delete("/workflows/{id}/remote_workers/{worker}", tags=["remote_workers"])
def delete_remote_worker(workflow_id: RecordId, worker: str, work: Working) -> RemoteWorkerModel:
    return work.write(others.delete_remote_worker, workflow_id, worker)


@router.get("/workflows/{id}/ro_crate_entities", tags=["ro_crate_entities"])
def list_ro_crate_entities(
    workflow_id: RecordId, work: Working, page: SortedPage, file_id: QueryId = None, entity_id: str | None = None
) -> Page[RoCrateEntityModel]:
    equals = {"file_id": file_id, "entity_id": entity_id}
    return work.read(others.RO_CRATE.list_page, workflow_id, page, equals=equals)


@router.delete("/workflows/{id}/ro_crate_entities", tags=["ro_crate_entities"])
def delete_ro_crate_entities(workflow_id: RecordId, work: Working) -> DeletedEntities:
    return work.write(others.delete_ro_crate_entities, workflow_id)


@router.delete("/ro_crate_entities/{id}", tags=["ro_crate_entities"])
def delete_ro_crate_entity(record_id: RecordId, work: Working) -> Message:
    return work.write(others.delete_ro_crate_entity, record_id)
