"""The review: shows what waits for a person by entry, and applies what the person chose, in one transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from torc_core import __version__
from torc_core.api.failures import MAX_DECIDED_JOBS, Action, Actor, ClassifiedJob, DecisionLimits
from torc_core.api.review import ReviewChoice, ReviewModel, ReviewRequest, ReviewResponse
from torc_core.errors import ForbiddenError, InvalidInputError
from torc_core.evidence.redaction import redact_secrets
from torc_core.hints import Hint, torc
from torc_core.recovery.decision import DecisionRequest, read_memory, read_runtime
from torc_server.db.queries.records.workflows import WorkflowState
from torc_server.db.queries.triage import proposals as queries
from torc_server.db.queries.triage import reviews
from torc_server.db.queries.triage.proposals import StoredProposal
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.lookup import find_open_workflow, find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage.decide import apply_plan, note_decisions
from torc_server.services.triage.plan import count, plan_decisions
from torc_server.services.triage.proposals import NOT_CHOSEN, store_items
from torc_server.services.triage.review_entries import Draft, describe, find_draft_page, find_drafts, without

_RULES: Final = Actor(kind="rules", name="torc", version=__version__)
_DEFAULT_REASON: Final = "decided in a review"


class _Chosen(NamedTuple):
    """What is to be done with the jobs of one entry, and who had the idea."""

    draft: Draft
    actor: Actor
    jobs: list[ClassifiedJob]


def list_review(
    uow: UnitOfWork, workflow_id: int, *, proposal_ids: Collection[int] | None = None, job_ids_limit: int = 100
) -> ReviewModel:
    """Return all that waits for a person, or what these proposals would do now."""
    workflow = find_workflow(uow, workflow_id)
    proposals, drafts = find_drafts(uow, workflow, proposal_ids)
    return ReviewModel(
        workflow_id=workflow_id,
        as_of=reviews.newest_result(uow, workflow_id),
        proposal_ids=[proposal.id for proposal in proposals],
        total_jobs=len({job.job_id for draft in drafts for job in draft.alive}),
        entries=list(describe(uow, drafts, job_ids_limit=job_ids_limit)),
    )


def review_page(uow: UnitOfWork, workflow_id: int, page: PageRequest, *, job_ids_limit: int) -> tuple[ReviewModel, int]:
    """Return a page of all that waits for a person, and how many entries there are in all."""
    workflow = find_workflow(uow, workflow_id)
    found = find_draft_page(uow, workflow, page)
    model = ReviewModel(
        workflow_id=workflow_id,
        as_of=reviews.newest_result(uow, workflow_id),
        proposal_ids=[proposal.id for proposal in found.proposals],
        total_jobs=found.job_count,
        entries=list(describe(uow, found.drafts, job_ids_limit=job_ids_limit)),
    )
    return model, found.entry_count


def preview_review(uow: UnitOfWork, workflow_id: int, request: ReviewRequest) -> ReviewResponse:
    """Return what the choices would do now. Only reads."""
    workflow = find_open_workflow(uow, workflow_id)
    return _Review(uow, workflow, request).answer()


def apply_review(uow: UnitOfWork, workflow_id: int, request: ReviewRequest) -> ReviewResponse:
    """Apply the choices, all in one transaction, and close the proposals that nothing is left of.

    Raises ForbiddenError unless a person decides, InvalidInputError for wrong amounts, for an entry that is chosen
    twice, and for an accepted entry that proposes nothing.
    """
    if request.actor.kind != "person":
        raise ForbiddenError(
            "only a person decides in a review",
            hint=Hint("a person can: {}", torc("failures review", workflow_id)),
            ids={"workflow_id": workflow_id},
        )
    workflow = find_open_workflow(uow, workflow_id)
    review = _Review(uow, workflow, request)
    return review.apply()


class _Review:
    """The choices of one request, on the entries as they are now."""

    def __init__(self, uow: UnitOfWork, workflow: WorkflowState, request: ReviewRequest) -> None:
        self._uow, self._workflow, self._request = uow, workflow, request
        self._proposals, found = find_drafts(uow, workflow, request.proposal_ids)
        newer = reviews.jobs_failed_after(uow, workflow.id, request.as_of)
        self._drafts = drafts = {draft.id: without(draft, newer) for draft in found}
        self._reason = None if request.reason is None else redact_secrets(request.reason)
        choices = {choice.entry: choice for choice in request.choices}
        if len(choices) < len(request.choices):
            raise InvalidInputError("an entry is chosen more than once", hint="choose each entry once")
        self.gone = [entry for entry in choices if entry not in drafts]
        self.left_out = [
            drafts[entry] for entry, one in choices.items() if one.choice == "leave_out" and entry in drafts
        ]
        self.chosen, self.remaining = self._within_limit(self._choose(drafts, choices))

    def answer(self) -> ReviewResponse:
        return self._response([job for chosen in self.chosen for job in chosen.jobs], [])

    def apply(self) -> ReviewResponse:
        by, applied = self._request.actor, list[ClassifiedJob]()
        decided: defaultdict[int, dict[int, ClassifiedJob]] = defaultdict(dict)
        for draft, actor, jobs in self.chosen:
            proposal_id = None if draft.proposal is None else draft.proposal.id
            approved_by = None if actor is by else by
            done = apply_plan(
                self._uow, self._workflow, jobs, actor=actor, approved_by=approved_by, proposal_id=proposal_id
            )
            applied += done
            decided[proposal_id or 0].update({job.job_id: job for job in done if job.status == "applied"})
        closed = [proposal.id for proposal in self._proposals if self._settle(proposal, decided[proposal.id])]
        counts = count(applied)
        if counts.retry or counts.fail or closed:
            note_decisions(
                self._uow,
                self._workflow.id,
                "review_applied",
                applied,
                by=by,
                proposal_ids=closed,
                left_out=_count_alive(self.left_out),
                reason=self._reason,
            )
        return self._response(applied, closed)

    def _choose(self, drafts: dict[str, Draft], choices: dict[str, ReviewChoice]) -> Iterator[_Chosen]:
        """Yield what is chosen, in the order of the entries. No job is decided by two of them."""
        done: set[int] = set()
        accept_from = self._request.accept_from
        for draft in drafts.values():
            choice = choices.get(draft.id)
            if choice is None and accept_from is not None and _is_sure(draft, accept_from):
                choice = ReviewChoice(entry=draft.id, choice="accept")
            if choice is None or choice.choice == "leave_out":
                continue
            chosen = self._chosen(without(draft, done), choice)
            done |= {job.job_id for job in chosen.jobs if job.status != "skipped"}
            yield chosen

    def _chosen(self, draft: Draft, choice: ReviewChoice) -> _Chosen:
        if choice.choice == "accept":
            if draft.action is None:
                raise InvalidInputError(
                    f"nobody proposes anything for the entry {draft.id}", hint="choose retry or fail, with a reason"
                )
            jobs = list(draft.jobs)
            if choice.reason is not None and choice.reason.strip():
                reason = redact_secrets(choice.reason)
                jobs = [job.model_copy(update={"reason": reason}) for job in jobs]
            return _Chosen(draft, _RULES if draft.proposal is None else draft.proposal.actor, jobs)
        action: Action = "retry" if choice.choice == "retry" else "fail"
        given = choice.reason or self._request.reason or (draft.reason if draft.action == action else "")
        requests = [
            DecisionRequest(
                job_id=job.job_id,
                action=action,
                reason=redact_secrets(given.strip() or _DEFAULT_REASON),
                memory_bytes=read_memory(choice.memory or None, f"choices.{draft.id}.memory"),
                runtime_s=read_runtime(choice.runtime or None, f"choices.{draft.id}.runtime"),
                signature=draft.signature,
                bound_to=(job.run_id, job.attempt_id),
            )
            for job in draft.alive
        ]
        planned = plan_decisions(self._uow, self._workflow, requests, limits=DecisionLimits(), decider="person")
        return _Chosen(draft, self._request.actor, planned)

    def _within_limit(self, chosen: Iterator[_Chosen]) -> tuple[list[_Chosen], int]:
        """Keep as many jobs as one call may decide, and count the others."""
        kept: list[_Chosen] = []
        room, left = MAX_DECIDED_JOBS, 0
        for each in chosen:
            kept.append(each._replace(jobs=each.jobs[:room]))
            left += max(len(each.jobs) - room, 0)
            room -= len(kept[-1].jobs)
        return kept, left

    def _settle(self, proposal: StoredProposal, decided: Mapping[int, ClassifiedJob]) -> bool:
        """Store what became of the proposal's items, and close it where nothing of it is left to decide."""
        out = {job.job_id for draft in self.left_out if draft.is_of(proposal) for job in draft.alive}
        if not decided and not out:
            return False
        ours = [draft for draft in self._drafts.values() if draft.is_of(proposal)]
        waiting = {job.job_id for draft in ours for job in draft.alive} - out - set(decided)
        moved_on = {} if waiting else {job.job_id: job for draft in ours for job in draft.jobs if job.detail}
        items = [
            decided.get(item.job_id)
            or (item.model_copy(update={"status": "skipped", "detail": NOT_CHOSEN}) if item.job_id in out else None)
            or (moved_on.get(item.job_id) if item.status == "would_apply" else None)
            or item
            for item in queries.read_items(self._uow, proposal.id)
        ]
        store_items(self._uow, proposal.id, items)
        if waiting:
            return False
        state = "approved" if any(item.status == "applied" for item in items) else "rejected"
        queries.close_proposal(self._uow, proposal.id, state=state, by=self._request.actor, reason=self._reason)
        return True

    def _response(self, jobs: list[ClassifiedJob], closed: list[int]) -> ReviewResponse:
        counts = count(jobs)
        return ReviewResponse(
            workflow_id=self._workflow.id,
            jobs_to_retry=counts.retry,
            jobs_to_fail=counts.fail,
            jobs_skipped=counts.skipped,
            jobs=jobs,
            gone=self.gone,
            left_out=_count_alive(self.left_out),
            remaining=self.remaining,
            closed_proposal_ids=closed,
        )


def _count_alive(drafts: Sequence[Draft]) -> int:
    return sum(len(draft.alive) for draft in drafts)


def _is_sure(draft: Draft, least: float) -> bool:
    suggestion = None if draft.group is None else draft.group.suggestion
    return suggestion is not None and suggestion.action == draft.action and suggestion.confidence >= least
