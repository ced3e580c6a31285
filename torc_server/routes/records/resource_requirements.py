"""What jobs need."""

from torc_core.api.base import Page
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.api.system import DeleteCount
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, QueryId, RecordId, SortedPage, WorkflowId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import resource_requirements as requirements

router = contract_router("resource_requirements")


@router.post("/resource_requirements")
def create_resource_requirements(body: ResourceRequirementsModel, work: Working) -> ResourceRequirementsModel:
    return work.write(requirements.create_resource_requirements, body)


@router.get("/resource_requirements")
def list_resource_requirements(
    work: Working,
    workflow_id: WorkflowId,
    page: SortedPage,
    job_id: QueryId = None,
    name: str | None = None,
    memory: str | None = None,
    num_cpus: Number = None,
    num_gpus: Number = None,
    num_nodes: Number = None,
    runtime: Number = None,
) -> Page[ResourceRequirementsModel]:
    equals = {
        "name": name,
        "memory": memory,
        "num_cpus": num_cpus,
        "num_gpus": num_gpus,
        "num_nodes": num_nodes,
        "runtime_s": runtime,
    }
    return work.read(requirements.list_resource_requirements, workflow_id, page, job_id=job_id, equals=equals)


@router.get("/resource_requirements/{id}")
def get_resource_requirements(record_id: RecordId, work: Working) -> ResourceRequirementsModel:
    return work.read(requirements.REQUIREMENTS.get, record_id)


@router.put("/resource_requirements/{id}")
def update_resource_requirements(
    record_id: RecordId, body: ResourceRequirementsModel, work: Working
) -> ResourceRequirementsModel:
    return work.write(requirements.update_resource_requirements, record_id, body)


@router.delete("/resource_requirements/{id}")
def delete_resource_requirement(record_id: RecordId, work: Working) -> ResourceRequirementsModel:
    return work.write(requirements.delete_resource_requirements, record_id)


@router.delete("/resource_requirements")
def delete_resource_requirements(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(requirements.delete_all_resource_requirements, workflow_id)
