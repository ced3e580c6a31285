"""Pages of proposals: what agents and rules propose, entry by entry, to accept, change or leave out."""

from hashlib import sha256
from typing import Final, cast

from fastapi import Request, Response

from torc_core.api.base import Page
from torc_core.api.failures import (
    Action,
    ApproveRequest,
    Classification,
    ProposalEntry,
    ProposalModel,
    RejectRequest,
)
from torc_core.errors import InvalidInputError, NotFoundError
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.pages.page_route import Form, SentForm, Visiting, go_to, page, page_router
from torc_server.pages.paging import PageNumber, Pager
from torc_server.routes.parameters import PathId, RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage import proposals

_PROPOSALS_SHOWN: Final = 50
_ENTRIES_SHOWN: Final = 100
_CHOICES: Final = ("accept", "retry", "fail", "leave")
_REVIEWED: Final = "reviewed in the browser: {}"

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
    request: Request, workflow_id: RecordId, proposal_id: PathId, work: Working, visitor: Visiting
) -> Response:
    proposal = work.read(_find, workflow_id, proposal_id)
    alive = [entry for entry in proposal.entries if entry.status != "skipped"]
    return page(
        request,
        "proposal.html",
        title=f"Proposal {proposal_id}",
        workflow_id=workflow_id,
        proposal=proposal,
        entries=[(_key(entry), entry) for entry in alive[:_ENTRIES_SHOWN]],
        more=max(len(alive) - _ENTRIES_SHOWN, 0),
        skipped=[entry for entry in proposal.entries if entry.status == "skipped"][:_ENTRIES_SHOWN],
        hours=sum(entry.node_hours for entry in alive),
        may_choose=visitor.may_decide and proposal.status == "open",
    )


@router.post("/workflows/{id}/proposals/{proposal_id}/approve")
def approve(workflow_id: RecordId, proposal_id: PathId, work: Working, visitor: Visiting, form: SentForm) -> Response:
    """Apply the entries that the form accepts or changes; the others are left out."""

    def write(uow: UnitOfWork) -> int:
        proposal = _find(uow, workflow_id, proposal_id)
        request = ApproveRequest(actor=visitor.actor, reason=form.get("note", "").strip() or None)
        left_out, edits = _choices(proposal, form)
        if left_out:
            request.only_job_ids = sorted({job.job_id for job in proposal.jobs} - left_out)
        request.edits = edits
        answer = proposals.approve(uow, proposal_id, request)
        return answer.jobs_to_retry + answer.jobs_to_fail

    done = work.write(write)
    return go_to(f"/workflows/{workflow_id}/failures?done={done}")


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


def _choices(proposal: ProposalModel, form: Form) -> tuple[set[int], list[Classification]]:
    """Return the jobs that are left out, and the approver's own entries for those that are changed."""
    entries = {_key(entry): entry for entry in proposal.entries if entry.status != "skipped"}
    left_out: set[int] = set()
    edits: list[Classification] = []
    for name, key in form.items():
        place = name.removeprefix("entry.")
        entry = entries.get(key) if name.startswith("entry.") else None
        if entry is None:
            continue
        choice = form.get(f"choice.{place}", "accept")
        if choice not in _CHOICES:
            raise InvalidInputError(f"there is no choice {choice[:40]!r}")
        if choice == "leave":
            left_out.update(entry.job_ids)
        elif choice != "accept":
            edits += _edits(entry, cast("Action", choice), place, form)
    if edits or left_out:
        held = {job_id for entry in entries.values() for job_id in entry.job_ids}
        if not held - left_out:
            raise InvalidInputError("every entry is left out", hint="reject the proposal instead, with a reason")
    return left_out, edits


def _edits(entry: ProposalEntry, action: Action, place: str, form: Form) -> list[Classification]:
    retries = action == "retry"
    reason = form.get(f"reason.{place}", "").strip() or _REVIEWED.format(entry.cause or entry.reason)[:2000]
    return [
        Classification(
            job_id=job_id,
            action=action,
            reason=reason,
            memory=(form.get(f"memory.{place}", "").strip() or None) if retries else None,
            runtime=(form.get(f"runtime.{place}", "").strip() or None) if retries else None,
        )
        for job_id in entry.job_ids
    ]


def _key(entry: ProposalEntry) -> str:
    """Return a name of the entry that stays the same while others move on."""
    facts = (entry.signature, entry.action, entry.reason, entry.memory, entry.runtime, entry.job_ids[0])
    return sha256(repr(facts).encode()).hexdigest()[:16]
