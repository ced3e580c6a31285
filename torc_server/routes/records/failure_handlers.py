"""Rules for failures by exit code."""

from torc_core.api.base import Page
from torc_core.api.failure_handlers import FailureHandlerModel
from torc_core.api.system import DeleteCount
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import RecordId, SortedPage, UnsortedPage, WorkflowId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import failure_handlers as handlers

router = contract_router("failure_handlers")


@router.post("/failure_handlers")
def create_failure_handler(body: FailureHandlerModel, work: Working) -> FailureHandlerModel:
    return work.write(handlers.create_failure_handler, body)


@router.get("/workflows/{id}/failure_handlers")
def list_failure_handlers(workflow_id: RecordId, work: Working, page: UnsortedPage) -> Page[FailureHandlerModel]:
    return work.read(handlers.FAILURE_HANDLERS.list_page, workflow_id, page)


@router.get("/failure_handlers")
def list_all_failure_handlers(work: Working, workflow_id: WorkflowId, page: SortedPage) -> Page[FailureHandlerModel]:
    return work.read(handlers.FAILURE_HANDLERS.list_page, workflow_id, page)


@router.get("/failure_handlers/{id}")
def get_failure_handler(record_id: RecordId, work: Working) -> FailureHandlerModel:
    return work.read(handlers.FAILURE_HANDLERS.get, record_id)


@router.delete("/failure_handlers/{id}")
def delete_failure_handler(record_id: RecordId, work: Working) -> FailureHandlerModel:
    return work.write(handlers.FAILURE_HANDLERS.delete, record_id)


@router.delete("/failure_handlers")
def delete_failure_handlers(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(handlers.FAILURE_HANDLERS.delete_all, workflow_id)
