"""Triage: failure groups, proposals, and decisions with their outcomes."""

from typing import Annotated

from fastapi import Path, Query

from torc_core.api.base import MAX_PAGE, Page
from torc_core.api.failures import (
    ApproveRequest,
    ClassifyRequest,
    ClassifyResponse,
    DecisionModel,
    FailureGroups,
    Outcome,
    ProposalModel,
    ProposalStatus,
    RejectRequest,
    UndoRequest,
    UndoResponse,
)
from torc_core.api.jobs import EvidenceModel
from torc_core.api.review import ReviewModel, ReviewRequest, ReviewResponse
from torc_core.triage.pattern_library import Action, FailureClass
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import QueryId, RecordId, UnsortedPage
from torc_server.routes.unit_of_work import Working
from torc_server.services.triage import decide as decisions
from torc_server.services.triage import groups, proposals, review, undo
from torc_server.services.triage.decide import DecisionFilter
from torc_server.services.triage.groups import FailureStatus, GroupFilter

router = contract_router("failures")


@router.get("/workflows/{id}/failures")
def list_failures(
    workflow_id: RecordId,
    work: Working,
    page: UnsortedPage,
    status: FailureStatus = "pending_failed",
    job_ids_limit: Annotated[int, Query(ge=0, le=MAX_PAGE)] = MAX_PAGE,
    signature: Annotated[str | None, Query(max_length=200)] = None,
    job_id: QueryId = None,
    class_: Annotated[FailureClass | None, Query(alias="class")] = None,
    action: Action | None = None,
    min_confidence: Annotated[float | None, Query(ge=0, le=1)] = None,
    min_count: QueryId = None,
    text: Annotated[str | None, Query(max_length=200)] = None,
) -> FailureGroups:
    """List failure groups, the largest first; each condition leaves out the groups that do not meet it."""
    wanted = GroupFilter(
        class_=class_, action=action, min_confidence=min_confidence, min_count=min_count or 0, text=text
    )
    return work.read(
        groups.list_groups,
        workflow_id,
        page,
        status=status,
        job_ids_limit=job_ids_limit,
        signature=signature,
        job_id=job_id,
        wanted=wanted,
    )


@router.get("/workflows/{id}/failures/{signature}/evidence")
def list_failure_evidence(
    workflow_id: RecordId, signature: Annotated[str, Path(max_length=200)], work: Working, page: UnsortedPage
) -> Page[EvidenceModel]:
    return work.read(groups.list_evidence, workflow_id, signature, page)


@router.get("/workflows/{id}/review")
def show_review(
    workflow_id: RecordId,
    work: Working,
    proposal_id: Annotated[list[int] | None, Query(description="Only these open proposals.")] = None,
    job_ids_limit: Annotated[int, Query(ge=0, le=MAX_PAGE)] = 100,
) -> ReviewModel:
    """Show all that waits for a person: the entries of open proposals, and the groups that none of them names."""
    return work.read(review.list_review, workflow_id, proposal_ids=proposal_id, job_ids_limit=job_ids_limit)


@router.post("/workflows/{id}/review")
def apply_review(workflow_id: RecordId, body: ReviewRequest, work: Working) -> ReviewResponse:
    """Apply what a person chose, entry by entry, in one transaction."""
    return work.write(review.apply_review, workflow_id, body)


@router.post("/workflows/{id}/review/preview")
def preview_review(workflow_id: RecordId, body: ReviewRequest, work: Working) -> ReviewResponse:
    """Return what the same choices would do now; nothing is changed."""
    return work.read(review.preview_review, workflow_id, body)


@router.post("/workflows/{id}/proposals")
def create_proposal(workflow_id: RecordId, body: ClassifyRequest, work: Working) -> ProposalModel:
    return work.write(proposals.propose, workflow_id, body)


@router.get("/workflows/{id}/proposals")
def list_proposals(
    workflow_id: RecordId, work: Working, page: UnsortedPage, status: ProposalStatus | None = None
) -> Page[ProposalModel]:
    return work.read(proposals.list_proposals, workflow_id, page, status=status)


@router.get("/proposals/{id}")
def get_proposal(proposal_id: RecordId, work: Working) -> ProposalModel:
    return work.read(proposals.get_proposal, proposal_id)


@router.post("/proposals/{id}/approve")
def approve_proposal(proposal_id: RecordId, body: ApproveRequest, work: Working) -> ClassifyResponse:
    return work.write(proposals.approve, proposal_id, body)


@router.post("/proposals/{id}/reject")
def reject_proposal(proposal_id: RecordId, body: RejectRequest, work: Working) -> ProposalModel:
    return work.write(proposals.reject, proposal_id, body)


@router.post("/workflows/{id}/decisions")
def decide_failures(workflow_id: RecordId, body: ClassifyRequest, work: Working) -> ClassifyResponse:
    decide = decisions.decide if body.proposal_id is None else proposals.apply_own
    return work.write(decide, workflow_id, body)


@router.post("/workflows/{id}/decisions/preview")
def preview_decisions(workflow_id: RecordId, body: ClassifyRequest, work: Working) -> ClassifyResponse:
    """Return what the same request to /decisions would do now; nothing is changed."""
    return work.read(decisions.preview, workflow_id, body)


@router.post("/workflows/{id}/decisions/undo")
def undo_decisions(workflow_id: RecordId, body: UndoRequest, work: Working) -> UndoResponse:
    """Undo decisions while nothing has run because of them: their jobs wait for a decision again."""
    return work.write(undo.undo, workflow_id, body)


@router.get("/workflows/{id}/decisions")
def list_decisions(
    workflow_id: RecordId,
    work: Working,
    page: UnsortedPage,
    job_id: QueryId = None,
    standing: bool = False,
    action: Action | None = None,
    outcome: Outcome | None = None,
    text: Annotated[str, Query(max_length=200)] = "",
) -> Page[DecisionModel]:
    """List decisions; `standing`: only those by which jobs are failed now, decided to fail and not run since.

    `text` stands in the reason, the signature or the name of the job.
    """
    wanted = DecisionFilter(job_id=job_id, only_standing=standing, action=action, outcome=outcome, text=text)
    return work.read(decisions.list_decisions, workflow_id, page, wanted)
