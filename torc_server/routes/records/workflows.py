"""Workflows as records, and what is asked about them."""

from torc_core.api.base import Page
from torc_core.api.drafts import WorkflowCreated, WorkflowDraft
from torc_core.api.workflows import ArchiveRequest, WorkflowModel
from torc_server.routes.contract import contract_router
from torc_server.routes.guard import Calling
from torc_server.routes.parameters import RecordId, SortedPage
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import workflows
from torc_server.services.runs.create import create_workflow_from_draft

router = contract_router("workflows")


@router.post("/workflows")
def create_workflow(body: WorkflowModel, work: Working) -> WorkflowModel:
    return work.write(workflows.create_workflow, body)


@router.post("/bulk_workflows")
def create_from_draft(body: WorkflowDraft, work: Working) -> WorkflowCreated:
    return work.write(create_workflow_from_draft, body)


@router.get("/workflows")
def list_workflows(
    work: Working,
    page: SortedPage,
    caller: Calling,
    name: str | None = None,
    user: str | None = None,
    description: str | None = None,
    is_archived: bool | None = None,
    access_group: str | None = None,
) -> Page[WorkflowModel]:
    return work.read(
        workflows.list_workflows,
        page,
        name=name,
        user=user,
        description=description,
        is_archived=is_archived,
        access_group=access_group,
        visible_to=caller.visible_to,
        only_id=caller.principal.workflow_id,
    )


@router.get("/workflows/{id}")
def get_workflow(workflow_id: RecordId, work: Working) -> WorkflowModel:
    return work.read(workflows.get_workflow, workflow_id)


@router.put("/workflows/{id}")
def update_workflow(workflow_id: RecordId, body: WorkflowModel, work: Working) -> WorkflowModel:
    return work.write(workflows.update_workflow, workflow_id, body)


@router.delete("/workflows/{id}")
def delete_workflow(workflow_id: RecordId, work: Working) -> WorkflowModel:
    return work.delete(workflows.delete_workflow, workflow_id)


@router.post("/workflows/{id}/archive")
def archive_workflow(workflow_id: RecordId, body: ArchiveRequest, work: Working) -> WorkflowModel:
    return work.write(workflows.archive_workflow, workflow_id, is_archived=body.is_archived)
