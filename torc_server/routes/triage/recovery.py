"""Recovery: evidence in bulk, plans and groups of requirements applied, and who watches a workflow to recover it."""

from typing import Annotated

from fastapi import Query

from torc_core.api.base import Page
from torc_core.api.jobs import EvidenceModel
from torc_core.api.recovery import (
    ApplyRecoveryRequest,
    ApplyRecoveryResponse,
    RaiseWaitingRequest,
    RaiseWaitingResponse,
    Watchers,
)
from torc_core.api.resource_requirements import RegroupRequest, RegroupResponse
from torc_core.jobs.status import JobStatus
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import RecordId, UnsortedPage
from torc_server.routes.unit_of_work import Working
from torc_server.services.triage import apply_recovery as recovering
from torc_server.services.triage import regroup
from torc_server.services.triage.raise_waiting import raise_waiting_jobs

router = contract_router("recovery")


@router.get("/workflows/{id}/evidence")
def list_evidence(
    workflow_id: RecordId,
    work: Working,
    page: UnsortedPage,
    status: Annotated[list[JobStatus], Query(default_factory=list)],
    latest: bool = True,
    texts: bool = True,
) -> Page[EvidenceModel]:
    return work.read(recovering.list_evidence, workflow_id, page, statuses=status, only_latest=latest, with_texts=texts)


@router.post("/workflows/{id}/apply_recovery")
def apply_recovery(workflow_id: RecordId, body: ApplyRecoveryRequest, work: Working) -> ApplyRecoveryResponse:
    return work.write(recovering.apply_recovery, workflow_id, body)


@router.post("/workflows/{id}/raise_waiting")
def raise_waiting(workflow_id: RecordId, body: RaiseWaitingRequest, work: Working) -> RaiseWaitingResponse:
    return work.write(raise_waiting_jobs, workflow_id, body)


@router.post("/workflows/{id}/regroup_resources")
def regroup_resources(
    workflow_id: RecordId, body: RegroupRequest, work: Working, dry_run: bool = False
) -> RegroupResponse:
    if dry_run:
        return work.read(regroup.plan_groups, workflow_id, body)
    return work.write(regroup.regroup, workflow_id, body)


@router.get("/workflows/{id}/watchers", response_model=Watchers)
async def get_watchers(workflow_id: RecordId, work: Working) -> Watchers:
    return Watchers(workflow_id=workflow_id, recovering=work.hub.count_recovering(workflow_id))
