"""Runners and the allocations they may run in."""

from torc_core.api.base import Page
from torc_core.api.nodes import ComputeNodeModel, Heartbeat, ScheduledComputeNodeModel
from torc_core.api.system import DeleteCount
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, QueryId, RecordId, SortedPage, WorkflowId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import compute_nodes as nodes

router = contract_router("compute_nodes")


@router.post("/compute_nodes")
def create_compute_node(body: ComputeNodeModel, work: Working) -> ComputeNodeModel:
    return work.write(nodes.create_compute_node, body)


@router.get("/compute_nodes")
def list_compute_nodes(
    work: Working,
    workflow_id: WorkflowId,
    page: SortedPage,
    hostname: str | None = None,
    is_active: bool | None = None,
    scheduled_compute_node_id: QueryId = None,
) -> Page[ComputeNodeModel]:
    return work.read(
        nodes.list_compute_nodes,
        workflow_id,
        page,
        hostname=hostname,
        is_active=is_active,
        scheduled_compute_node_id=scheduled_compute_node_id,
    )


@router.get("/compute_nodes/{id}")
def get_compute_node(record_id: RecordId, work: Working) -> ComputeNodeModel:
    return work.read(nodes.get_compute_node, record_id)


@router.put("/compute_nodes/{id}")
def update_compute_node(record_id: RecordId, body: ComputeNodeModel, work: Working) -> ComputeNodeModel:
    return work.write(nodes.update_compute_node, record_id, body)


@router.put("/compute_nodes/{id}/heartbeat")
def hear_compute_node(record_id: RecordId, work: Working) -> Heartbeat:
    return work.write(nodes.hear_compute_node, record_id)


@router.delete("/compute_nodes/{id}")
def delete_compute_node(record_id: RecordId, work: Working) -> ComputeNodeModel:
    return work.write(nodes.delete_compute_node, record_id)


@router.delete("/compute_nodes")
def delete_compute_nodes(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(nodes.delete_compute_nodes, workflow_id)


@router.post("/scheduled_compute_nodes", tags=["scheduled_compute_nodes"])
def create_scheduled_compute_node(body: ScheduledComputeNodeModel, work: Working) -> ScheduledComputeNodeModel:
    return work.write(nodes.create_scheduled_compute_node, body)


@router.get("/scheduled_compute_nodes", tags=["scheduled_compute_nodes"])
def list_scheduled_compute_nodes(
    work: Working,
    workflow_id: WorkflowId,
    page: SortedPage,
    scheduler_id: Number = None,
    scheduler_config_id: Number = None,
    status: str | None = None,
) -> Page[ScheduledComputeNodeModel]:
    equals = {"scheduler_id": scheduler_id, "scheduler_config_id": scheduler_config_id, "status": status}
    return work.read(nodes.SCHEDULED_NODES.list_page, workflow_id, page, equals=equals)


@router.get("/scheduled_compute_nodes/{id}", tags=["scheduled_compute_nodes"])
def get_scheduled_compute_node(record_id: RecordId, work: Working) -> ScheduledComputeNodeModel:
    return work.read(nodes.SCHEDULED_NODES.get, record_id)


@router.put("/scheduled_compute_nodes/{id}", tags=["scheduled_compute_nodes"])
def update_scheduled_compute_node(
    record_id: RecordId, body: ScheduledComputeNodeModel, work: Working
) -> ScheduledComputeNodeModel:
    return work.write(nodes.SCHEDULED_NODES.update, record_id, body)


@router.delete("/scheduled_compute_nodes/{id}", tags=["scheduled_compute_nodes"])
def delete_scheduled_compute_node(record_id: RecordId, work: Working) -> ScheduledComputeNodeModel:
    return work.write(nodes.SCHEDULED_NODES.delete, record_id)


@router.delete("/scheduled_compute_nodes", tags=["scheduled_compute_nodes"])
def delete_scheduled_compute_nodes(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(nodes.SCHEDULED_NODES.delete_all, workflow_id)
