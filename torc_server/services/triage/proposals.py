"""Proposals: entries that wait for approval, bound to the attempts they were made on."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final, assert_never

from torc_core.api.base import Page
from torc_core.api.failures import (
    ActorKind,
    ApproveRequest,
    ClassifiedJob,
    ClassifyRequest,
    ClassifyResponse,
    DecisionLimits,
    ProposalModel,
    ProposalStatus,
    RejectRequest,
)
from torc_core.errors import ForbiddenError, InvalidInputError, NotFoundError, StateConflictError
from torc_core.evidence.redaction import redact_secrets
from torc_core.hints import Hint, torc
from torc_core.recovery.decision import DecisionRequest, read_memory, read_runtime
from torc_core.times import rfc3339
from torc_server.db.queries.records.workflows import WorkflowState
from torc_server.db.queries.triage import proposals as queries
from torc_server.db.queries.triage.proposals import ProposalState, StoredProposal
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import slice_of
from torc_server.services.records.events import store_event
from torc_server.services.records.lookup import find_open_workflow, find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage.decide import answer, apply_plan, note_decisions
from torc_server.services.triage.plan import (
    DecisionCounts,
    Wanted,
    check_targets,
    count,
    decision_request,
    plan_decisions,
    plan_request,
    some,
)
from torc_server.services.triage.proposal_entries import group_entries

_LONGEST_S: Final = 365 * 86_400.0
NOT_CHOSEN: Final = "it was left out of the approval"
"""Why an item of an approved proposal is skipped."""
_WHY_CLOSED: Final[Mapping[ProposalState, str]] = {
    "void": "superseded: no job of it could be changed",
    "superseded": "superseded: every job of it was decided otherwise or moved on",
}


def propose(uow: UnitOfWork, workflow_id: int, request: ClassifyRequest) -> ProposalModel:
    """Store what the entries would do now; no job changes."""
    if request.proposal_id is not None:
        raise InvalidInputError("a proposal is made of classifications", hint="name them in place of proposal_id")
    workflow = find_open_workflow(uow, workflow_id)
    planned = plan_request(uow, workflow, request, decider=request.actor, is_proposal=True)
    expires = uow.now + timedelta(seconds=min(request.expires_in_s, _LONGEST_S))
    proposal_id = queries.insert_proposal(
        uow, workflow_id, actor=request.actor, limits=request.limits, expires_at=rfc3339(expires)
    )
    store_items(uow, proposal_id, planned.jobs)
    note_decisions(uow, workflow_id, "failures_proposed", planned.jobs, by=request.actor, proposal_id=proposal_id)
    proposal = _model(_find(uow, proposal_id), planned.jobs)
    entries = group_entries(uow, proposal_id, planned.jobs)
    return proposal.model_copy(update={"remaining": sum(planned.left.values()), "entries": entries})


def get_proposal(uow: UnitOfWork, proposal_id: int) -> ProposalModel:
    """Return the proposal with all its jobs; of an undecided one, with what would be done to them now."""
    proposal = _find(uow, proposal_id)
    jobs = queries.read_items(uow, proposal_id)
    if proposal.state in ("open", "superseded"):
        workflow = find_workflow(uow, proposal.workflow_id)
        jobs = plan_items(uow, workflow, proposal, jobs, decider="person")
    return _model(proposal, jobs).model_copy(update={"entries": group_entries(uow, proposal_id, jobs)})


def list_proposals(
    uow: UnitOfWork, workflow_id: int, page: PageRequest, *, status: ProposalStatus | None
) -> Page[ProposalModel]:
    """Return the proposals, oldest first, with their counts and without their jobs."""
    find_workflow(uow, workflow_id)
    found, total = queries.list_proposals(uow, workflow_id, slice_of(page, ()), status=status)
    return page.page([_model(proposal, []) for proposal in found], total=total)


def approve(uow: UnitOfWork, proposal_id: int, request: ApproveRequest) -> ClassifyResponse:
    """Apply the proposal to every job that is still in the attempt that the proposal was made on.

    Raises ForbiddenError unless a person approves, StateConflictError when it was decided before, has expired or is
    superseded, InvalidInputError when jobs are named that it does not hold.
    """
    if request.actor.kind != "person":
        who = "an agent" if request.actor.kind == "agent" else "the rules"
        raise ForbiddenError(
            f"{who} cannot approve proposal {proposal_id}",
            hint=Hint("a person can: {}", torc("failures approve", proposal_id)),
            ids={"proposal_id": proposal_id},
        )
    proposal = find_undecided(uow, proposal_id)
    workflow = find_open_workflow(uow, proposal.workflow_id)
    stored = queries.read_items(uow, proposal_id)
    # A review may have applied a part of it before: those items are decided, and not to be planned again.
    done = [item for item in stored if item.status == "applied"]
    items = [item for item in stored if item.status != "applied"]
    edits = _edits(items, request)
    chosen = _chosen(items, request)
    kept = [item for item in items if item.job_id not in edits]
    planned = plan_items(uow, workflow, proposal, kept, decider=request.actor.kind, chosen=chosen)
    edited = plan_decisions(uow, workflow, list(edits.values()), limits=DecisionLimits(), decider=request.actor.kind)
    applied = [
        *apply_plan(uow, workflow, planned, actor=proposal.actor, approved_by=request.actor, proposal_id=proposal_id),
        *apply_plan(uow, workflow, edited, actor=request.actor, approved_by=request.actor, proposal_id=proposal_id),
    ]
    applied.sort(key=lambda job: job.job_id)
    store_items(uow, proposal_id, [*done, *applied])
    reason = None if request.reason is None else redact_secrets(request.reason)
    queries.close_proposal(uow, proposal_id, state="approved", by=request.actor, reason=reason)
    note_decisions(uow, workflow.id, "proposal_approved", applied, by=request.actor, proposal_id=proposal_id)
    return answer(workflow.id, applied, proposal_id=proposal_id)


def apply_own(uow: UnitOfWork, workflow_id: int, request: ClassifyRequest) -> ClassifyResponse:
    """Apply a proposal as a decision of who made it, within the limits of the request.

    Raises ForbiddenError for a proposal of somebody else, StateConflictError when it was decided before, has expired or
    is superseded.
    """
    proposal = find_undecided(uow, request.proposal_id or 0)
    workflow = find_open_workflow(uow, workflow_id)
    ids = {"proposal_id": proposal.id, "workflow_id": proposal.workflow_id}
    if proposal.workflow_id != workflow_id:
        raise InvalidInputError(
            f"proposal {proposal.id} is of workflow {proposal.workflow_id}, not of {workflow_id}", ids=ids
        )
    if (proposal.actor.kind, proposal.actor.name) != (request.actor.kind, request.actor.name):
        raise ForbiddenError(
            f"proposal {proposal.id} is of {proposal.actor.kind} {proposal.actor.name}, "
            f"not of {request.actor.kind} {request.actor.name}",
            hint=Hint("a person can approve it: {}", torc("failures approve", proposal.id)),
            ids=ids,
        )
    within = proposal._replace(limits=request.limits)
    planned = plan_items(uow, workflow, within, queries.read_items(uow, proposal.id), decider=request.actor.kind)
    applied = apply_plan(uow, workflow, planned, actor=request.actor, proposal_id=proposal.id)
    store_items(uow, proposal.id, applied)
    queries.close_proposal(uow, proposal.id, state="approved", by=request.actor, reason=None)
    note_decisions(uow, workflow_id, "failures_decided", applied, by=request.actor, proposal_id=proposal.id)
    return answer(workflow_id, applied, proposal_id=proposal.id)


def reject(uow: UnitOfWork, proposal_id: int, request: RejectRequest) -> ProposalModel:
    """Reject the proposal; no job changes. Raises StateConflictError when it was decided before."""
    proposal = find_undecided(uow, proposal_id)
    reason = redact_secrets(request.reason)
    queries.close_proposal(uow, proposal_id, state="rejected", by=request.actor, reason=reason)
    data = {"by": request.actor.model_dump(exclude_none=True), "proposal_id": proposal_id, "reason": reason}
    store_event(uow, proposal.workflow_id, {"category": "failure_decision", "event_type": "proposal_rejected", **data})
    uow.announce(proposal.workflow_id, "proposal_rejected", severity="info", data=data)
    return get_proposal(uow, proposal_id)


def _find(uow: UnitOfWork, proposal_id: int) -> StoredProposal:
    proposal = queries.find_proposal(uow, proposal_id)
    if proposal is None:
        raise NotFoundError(
            f"there is no proposal {proposal_id}",
            hint=Hint("`{}` shows those of a workflow", torc("failures proposals", "WORKFLOW_ID")),
            ids={"proposal_id": proposal_id},
        )
    return proposal


def find_undecided(uow: UnitOfWork, proposal_id: int) -> StoredProposal:
    """Return the proposal while it is open. Raises NotFoundError, and StateConflictError that says what closed it."""
    proposal = _find(uow, proposal_id)
    ids = {"proposal_id": proposal_id, "workflow_id": proposal.workflow_id}
    hint = Hint("look again at what waits: {}", torc("failures list", proposal.workflow_id))
    match proposal.state:
        case "open":
            return proposal
        case "void" | "superseded":
            raise StateConflictError(f"proposal {proposal_id} is {_WHY_CLOSED[proposal.state]}", hint=hint, ids=ids)
        case "expired":
            raise StateConflictError(f"proposal {proposal_id} expired at {proposal.expires_at}", hint=hint, ids=ids)
        case "approved" | "rejected" as done:
            by = "" if proposal.decided_by is None else f" by {proposal.decided_by.name}"
            raise StateConflictError(
                f"proposal {proposal_id} was {done} already{by} at {proposal.decided_at}",
                hint=Hint("its decisions: {}", torc("failures decisions", proposal.workflow_id)),
                ids=ids,
            )
        case unreachable:
            assert_never(unreachable)


def plan_items(
    uow: UnitOfWork,
    workflow: WorkflowState,
    proposal: StoredProposal,
    items: Sequence[ClassifiedJob],
    *,
    decider: ActorKind,
    chosen: Collection[int] | None = None,
) -> list[ClassifiedJob]:
    """Return what the items would do now, bound to their attempts. Those that are skipped or applied stay so."""
    alive = [item for item in items if item.status == "would_apply" and (chosen is None or item.job_id in chosen)]
    requests = [_decision_request(item) for item in alive]
    anew = {job.job_id: job for job in plan_decisions(uow, workflow, requests, limits=proposal.limits, decider=decider)}
    return [_settled(item, anew.get(item.job_id)) for item in items]


def _settled(item: ClassifiedJob, anew: ClassifiedJob | None) -> ClassifiedJob:
    """Return the entry as it stands now, still with the attempt it was made on."""
    if anew is not None:
        bound = {"run_id": item.run_id, "attempt_id": item.attempt_id, "detail": anew.detail or item.detail}
        return anew.model_copy(update=bound)
    if item.status != "would_apply":
        return item
    return item.model_copy(update={"status": "skipped", "detail": NOT_CHOSEN})


def _decision_request(item: ClassifiedJob) -> DecisionRequest:
    return DecisionRequest(
        job_id=item.job_id,
        action=item.action,
        reason=item.reason,
        memory_bytes=read_memory(item.memory, "memory"),
        runtime_s=read_runtime(item.runtime, "runtime"),
        signature=item.signature,
        bound_to=(item.run_id, item.attempt_id),
    )


def _chosen(items: Sequence[ClassifiedJob], request: ApproveRequest) -> Collection[int] | None:
    if request.only_job_ids is None:
        return None
    if not request.only_job_ids:
        raise InvalidInputError("an approval of no job at all", hint="reject the proposal instead")
    _refuse_foreign_jobs(items, request.only_job_ids)
    return frozenset(request.only_job_ids)


def _edits(items: Sequence[ClassifiedJob], request: ApproveRequest) -> Mapping[int, DecisionRequest]:
    """Return the approver's own entries for jobs of the proposal, bound to the same attempts."""
    held = {item.job_id: item for item in items}
    edits: list[DecisionRequest] = []
    for place, edit in enumerate(request.edits):
        wanted = decision_request(edit, place)
        if edit.signature is None:
            job_ids = [] if edit.job_id is None else [edit.job_id]
        else:
            job_ids = [item.job_id for item in items if item.signature == edit.signature]
            if not job_ids:
                raise InvalidInputError(f"the proposal holds no job with the signature {edit.signature[:40]!r}")
        _refuse_foreign_jobs(items, job_ids)
        edits += [_bound(wanted, held[job_id]) for job_id in job_ids]
    check_targets([edit.job_id for edit in edits], named=len(edits))
    if request.only_job_ids is not None:
        outside = sorted({edit.job_id for edit in edits} - set(request.only_job_ids))
        if outside:
            raise InvalidInputError(f"job {some(outside)} is edited and left out of the approval")
    return {edit.job_id: edit for edit in edits}


def _bound(wanted: Wanted, item: ClassifiedJob) -> DecisionRequest:
    return wanted(item.job_id, item.signature, bound_to=(item.run_id, item.attempt_id))


def _refuse_foreign_jobs(items: Sequence[ClassifiedJob], job_ids: Collection[int]) -> None:
    foreign_ids = sorted(set(job_ids) - {item.job_id for item in items})
    if foreign_ids:
        raise InvalidInputError(f"the proposal does not hold job {some(foreign_ids)}", ids={"job_id": foreign_ids[0]})


def store_items(uow: UnitOfWork, proposal_id: int, jobs: Sequence[ClassifiedJob]) -> None:
    """Store all items of the proposal as they are now, with their counts."""
    counts = count(jobs)
    queries.write_items(uow, proposal_id, jobs)
    queries.write_counts(uow, proposal_id, retry=counts.retry, fail=counts.fail, skipped=counts.skipped)


def _model(proposal: StoredProposal, jobs: list[ClassifiedJob]) -> ProposalModel:
    """Return the model of a proposal. Its counts are those of the jobs, or the stored ones where none are asked for."""
    counts = (
        count(jobs) if jobs else DecisionCounts(proposal.jobs_to_retry, proposal.jobs_to_fail, proposal.jobs_skipped)
    )
    return ProposalModel(
        id=proposal.id,
        workflow_id=proposal.workflow_id,
        status="expired" if proposal.state in ("void", "superseded") else proposal.state,
        actor=proposal.actor,
        created_at=proposal.created_at,
        expires_at=proposal.expires_at,
        job_count=sum(counts),
        jobs_to_retry=counts.retry,
        jobs_to_fail=counts.fail,
        jobs_skipped=counts.skipped,
        jobs=jobs,
        decided_by=proposal.decided_by,
        decided_at=proposal.decided_at,
        decision_reason=proposal.decision_reason or _WHY_CLOSED.get(proposal.state),
    )
