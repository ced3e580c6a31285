"""Configurations of schedulers."""

from torc_core.api.base import Page
from torc_core.api.schedulers import LocalSchedulerModel, SlurmSchedulerModel
from torc_core.api.system import DeleteCount
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, RecordId, SortedPage, WorkflowId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.schedulers import LOCAL_SCHEDULERS, SLURM_SCHEDULERS

router = contract_router("schedulers")


@router.post("/slurm_schedulers")
def create_slurm_scheduler(body: SlurmSchedulerModel, work: Working) -> SlurmSchedulerModel:
    return work.write(SLURM_SCHEDULERS.create, body)


@router.get("/slurm_schedulers")
def list_slurm_schedulers(work: Working, workflow_id: WorkflowId, page: SortedPage) -> Page[SlurmSchedulerModel]:
    return work.read(SLURM_SCHEDULERS.list_page, workflow_id, page)


@router.get("/slurm_schedulers/{id}")
def get_slurm_scheduler(record_id: RecordId, work: Working) -> SlurmSchedulerModel:
    return work.read(SLURM_SCHEDULERS.get, record_id)


@router.put("/slurm_schedulers/{id}")
def update_slurm_scheduler(record_id: RecordId, body: SlurmSchedulerModel, work: Working) -> SlurmSchedulerModel:
    return work.write(SLURM_SCHEDULERS.update, record_id, body)


@router.delete("/slurm_schedulers/{id}")
def delete_slurm_scheduler(record_id: RecordId, work: Working) -> SlurmSchedulerModel:
    return work.write(SLURM_SCHEDULERS.delete, record_id)


@router.delete("/slurm_schedulers")
def delete_slurm_schedulers(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(SLURM_SCHEDULERS.delete_all, workflow_id)


@router.post("/local_schedulers")
def create_local_scheduler(body: LocalSchedulerModel, work: Working) -> LocalSchedulerModel:
    return work.write(LOCAL_SCHEDULERS.create, body)


@router.get("/local_schedulers")
def list_local_schedulers(
    work: Working, workflow_id: WorkflowId, page: SortedPage, memory: str | None = None, num_cpus: Number = None
) -> Page[LocalSchedulerModel]:
    return work.read(LOCAL_SCHEDULERS.list_page, workflow_id, page, equals={"memory": memory, "num_cpus": num_cpus})


@router.get("/local_schedulers/{id}")
def get_local_scheduler(record_id: RecordId, work: Working) -> LocalSchedulerModel:
    return work.read(LOCAL_SCHEDULERS.get, record_id)


@router.put("/local_schedulers/{id}")
def update_local_scheduler(record_id: RecordId, body: LocalSchedulerModel, work: Working) -> LocalSchedulerModel:
    return work.write(LOCAL_SCHEDULERS.update, record_id, body)


@router.delete("/local_schedulers/{id}")
def delete_local_scheduler(record_id: RecordId, work: Working) -> LocalSchedulerModel:
    return work.write(LOCAL_SCHEDULERS.delete, record_id)


@router.delete("/local_schedulers")
def delete_local_schedulers(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(LOCAL_SCHEDULERS.delete_all, workflow_id)
