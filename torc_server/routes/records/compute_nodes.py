"""Runners, the allocations they may run in, and configurations of schedulers."""

from dataclasses import replace

from torc_core.api.nodes import ComputeNodeModel, Heartbeat, ScheduledComputeNodeModel
from torc_core.api.schedulers import LocalSchedulerModel, SlurmSchedulerModel
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, OptionalFlag, OptionalText, QueryId, RecordId
from torc_server.routes.records.factory import RecordServices, add_record_routes, services_of
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import compute_nodes as nodes

router = contract_router("compute_nodes")

add_record_routes(
    router,
    "/compute_nodes",
    ComputeNodeModel,
    RecordServices(
        create=nodes.create_compute_node,
        list_page=nodes.list_compute_nodes,
        get=nodes.get_compute_node,
        update=nodes.update_compute_node,
        delete=nodes.delete_compute_node,
        delete_all=nodes.delete_compute_nodes,
    ),
    one="compute_node",
    filters={"hostname": OptionalText, "is_active": OptionalFlag, "scheduled_compute_node_id": QueryId},
)
add_record_routes(
    router,
    "/scheduled_compute_nodes",
    ScheduledComputeNodeModel,
    replace(
        services_of(nodes.SCHEDULED_NODES),
        create=nodes.create_scheduled_compute_node,
        update=nodes.update_scheduled_compute_node,
        delete=nodes.delete_scheduled_compute_node,
    ),
    one="scheduled_compute_node",
    filters={"scheduler_id": Number, "scheduler_config_id": Number, "status": OptionalText},
    tags=("scheduled_compute_nodes",),
)
add_record_routes(
    router,
    "/slurm_schedulers",
    SlurmSchedulerModel,
    services_of(nodes.SLURM_SCHEDULERS),
    one="slurm_scheduler",
    tags=("schedulers",),
)
add_record_routes(
    router,
    "/local_schedulers",
    LocalSchedulerModel,
    services_of(nodes.LOCAL_SCHEDULERS),
    one="local_scheduler",
    filters={"memory": OptionalText, "num_cpus": Number},
    tags=("schedulers",),
)


@router.put("/compute_nodes/{id}/heartbeat")
def hear_compute_node(record_id: RecordId, work: Working) -> Heartbeat:
    return work.write(nodes.hear_compute_node, record_id)
