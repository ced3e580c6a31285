"""Pages of proposals: what agents and rules propose, to review entry by entry or to reject."""

from typing import Final

from fastapi import Request, Response

from torc_core.api.base import Page
from torc_core.api.failures import ProposalModel, RejectRequest
from torc_core.api.review import ReviewModel
from torc_core.errors import NotFoundError
from torc_core.recovery.defaults import MIN_CONFIDENCE
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.pages.page_route import SentForm, Visiting, go_to, page, page_router
from torc_server.pages.paging import PageNumber, Pager
from torc_server.pages.review import ENTRIES_SHOWN
from torc_server.routes.parameters import PathId, RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage import proposals, review

_PROPOSALS_SHOWN: Final = 50

router = page_router()


@router.get("/workflows/{id}/proposals")
def list_proposals(request: Request, workflow_id: RecordId, work: Working, number: PageNumber = 1) -> Response:
    pager = Pager(number, _PROPOSALS_SHOWN)

    def read(uow: UnitOfWork) -> tuple[str, Page[ProposalModel]]:
        name = find_workflow(uow, workflow_id).name
        part = PageRequest(offset=pager.offset, limit=pager.size, reverse_sort=True)
        return name, proposals.list_proposals(uow, workflow_id, part, status=None)

    name, found = work.read(read)
    return page(
        request,
        "proposals.html",
        title=f"Proposals for {name} ({workflow_id})",
        workflow_id=workflow_id,
        name=name,
        found=found,
        pager=pager.of(found.total_count, {}),
    )


@router.get("/workflows/{id}/proposals/{proposal_id}")
def get_proposal(
    request: Request,
    workflow_id: RecordId,
    proposal_id: PathId,
    work: Working,
    visitor: Visiting,
    number: PageNumber = 1,
) -> Response:
    """Show a proposal; an open one with its entries as they stand now."""
    pager = Pager(number, ENTRIES_SHOWN)

    def read(uow: UnitOfWork) -> tuple[ProposalModel, ReviewModel | None]:
        proposal = _find(uow, workflow_id, proposal_id)
        if proposal.status != "open":
            return proposal, None
        return proposal, review.list_review(uow, workflow_id, proposal_ids=[proposal_id], job_ids_limit=3)

    proposal, found = work.read(read)
    entries = [] if found is None else found.entries
    return page(
        request,
        "proposal.html",
        title=f"Proposal {proposal_id}",
        workflow_id=workflow_id,
        proposal=proposal,
        proposal_id=proposal_id,
        review=found,
        entries=entries[pager.offset : pager.offset + pager.size],
        pager=pager.of(len(entries), {}),
        decided=proposal.entries[:ENTRIES_SHOWN] if found is None else [],
        hours=sum(entry.node_hours for entry in entries),
        may_choose=visitor.may_decide and found is not None,
        confident=MIN_CONFIDENCE,
    )


@router.post("/workflows/{id}/proposals/{proposal_id}/reject")
def reject(workflow_id: RecordId, proposal_id: PathId, work: Working, visitor: Visiting, form: SentForm) -> Response:
    def write(uow: UnitOfWork) -> None:
        _find(uow, workflow_id, proposal_id)
        proposals.reject(uow, proposal_id, RejectRequest(actor=visitor.actor, reason=form.get("note", "")))

    work.write(write)
    return go_to(f"/workflows/{workflow_id}/proposals/{proposal_id}")


def _find(uow: UnitOfWork, workflow_id: int, proposal_id: int) -> ProposalModel:
    """Return the proposal. Raises NotFoundError for one of another workflow, which the caller need not be allowed."""
    proposal = proposals.get_proposal(uow, proposal_id)
    if proposal.workflow_id != workflow_id:
        raise NotFoundError(f"workflow {workflow_id} has no proposal {proposal_id}", ids={"workflow_id": workflow_id})
    return proposal
