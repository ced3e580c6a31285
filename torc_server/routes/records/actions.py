"""Commands and allocations triggered by the lifecycle."""

from typing import Annotated

from fastapi import Query

from torc_core.api.actions import ClaimActionRequest, ClaimActionResponse, FinishActionRequest, WorkflowActionModel
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import PathId, RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import actions

router = contract_router("workflow_actions")


@router.post("/workflows/{id}/actions")
def create_workflow_action(workflow_id: RecordId, body: WorkflowActionModel, work: Working) -> WorkflowActionModel:
    return work.write(actions.create_action, workflow_id, body)


@router.get("/workflows/{id}/actions")
def get_workflow_actions(workflow_id: RecordId, work: Working) -> list[WorkflowActionModel]:
    return work.read(actions.list_actions, workflow_id)


@router.put("/workflows/{id}/actions/{action_id}")
def update_workflow_action(
    workflow_id: RecordId, action_id: PathId, body: WorkflowActionModel, work: Working
) -> WorkflowActionModel:
    return work.write(actions.update_action, workflow_id, action_id, body)


@router.delete("/workflows/{id}/actions/{action_id}")
def delete_workflow_action(workflow_id: RecordId, action_id: PathId, work: Working) -> WorkflowActionModel:
    return work.write(actions.delete_action, workflow_id, action_id)


@router.post("/workflows/{id}/actions/{action_id}/rerun")
def rerun_action(workflow_id: RecordId, action_id: PathId, work: Working) -> WorkflowActionModel:
    return work.write(actions.rerun_action, workflow_id, action_id)


@router.get("/workflows/{id}/actions/pending")
def get_pending_actions(
    workflow_id: RecordId,
    work: Working,
    trigger_type: Annotated[list[str] | None, Query()] = None,
    compute_node_id: PathId | None = None,
) -> list[WorkflowActionModel]:
    return work.read(actions.pending_actions, workflow_id, trigger_type or [], compute_node_id=compute_node_id)


@router.post("/workflows/{id}/actions/{action_id}/claim")
def claim_action(
    workflow_id: RecordId, action_id: PathId, work: Working, body: ClaimActionRequest | None = None
) -> ClaimActionResponse:
    return work.write(actions.claim_action, workflow_id, action_id, body or ClaimActionRequest())


@router.post("/workflows/{id}/actions/{action_id}/finish")
def finish_action(
    workflow_id: RecordId, action_id: PathId, body: FinishActionRequest, work: Working
) -> WorkflowActionModel:
    return work.write(actions.finish_action, workflow_id, action_id, body)
