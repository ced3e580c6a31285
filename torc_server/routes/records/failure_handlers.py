"""Rules for failures by exit code."""

from dataclasses import replace

from torc_core.api.base import Page
from torc_core.api.failure_handlers import FailureHandlerModel
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import RecordId, UnsortedPage
from torc_server.routes.records.factory import add_record_routes, services_of
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.failure_handlers import FAILURE_HANDLERS, create_failure_handler

router = contract_router("failure_handlers")

add_record_routes(
    router,
    "/failure_handlers",
    FailureHandlerModel,
    replace(services_of(FAILURE_HANDLERS), create=create_failure_handler, update=None),
    one="failure_handler",
    names={"list_page": "list_all_failure_handlers"},
)


@router.get("/workflows/{id}/failure_handlers")
def list_failure_handlers(workflow_id: RecordId, work: Working, page: UnsortedPage) -> Page[FailureHandlerModel]:
    return work.read(FAILURE_HANDLERS.list_page, workflow_id, page)
