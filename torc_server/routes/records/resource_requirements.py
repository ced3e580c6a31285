"""Resource requirements: what jobs need."""

from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, OptionalText, QueryId
from torc_server.routes.records.factory import RecordServices, add_record_routes
from torc_server.services.records import resource_requirements as requirements

router = contract_router("resource_requirements")

add_record_routes(
    router,
    "/resource_requirements",
    ResourceRequirementsModel,
    RecordServices(
        create=requirements.create_resource_requirements,
        list_page=requirements.list_resource_requirements,
        get=requirements.REQUIREMENTS.get,
        update=requirements.update_resource_requirements,
        delete=requirements.delete_resource_requirements,
        delete_all=requirements.delete_all_resource_requirements,
    ),
    one="resource_requirements",
    filters={
        "job_id": QueryId,
        "name": OptionalText,
        "memory": OptionalText,
        "num_cpus": Number,
        "num_gpus": Number,
        "num_nodes": Number,
        "runtime": Number,
    },
    names={"delete": "delete_resource_requirement"},
)
