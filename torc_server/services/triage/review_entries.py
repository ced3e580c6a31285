"""Finds the entries of a review: those of the open proposals, and the groups that no proposal names."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, NamedTuple

from torc_core.api.failures import Action, ActorKind, ClassifiedJob, DecisionLimits, FailureGroup, SignatureRecord
from torc_core.api.review import AmountChange, NoLongerApplies, ReviewEntry
from torc_core.errors import InvalidInputError
from torc_core.recovery.decision import DecisionRequest, read_memory, read_runtime
from torc_core.recovery.review import objections
from torc_server.db.queries.records.base import Slice
from torc_server.db.queries.records.workflows import WorkflowState
from torc_server.db.queries.triage import proposals as queries
from torc_server.db.queries.triage import reviews
from torc_server.db.queries.triage.proposals import AttemptNeed, StoredProposal
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage.groups import list_groups
from torc_server.services.triage.plan import plan_decisions
from torc_server.services.triage.proposal_entries import cost
from torc_server.services.triage.proposals import find_undecided, plan_items

_ALL: Final = Slice(0, -1, "id", descending=False)
_NAMES_SHOWN: Final = 3
_ORDER: Final = ("retry", "fail", None)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An entry with all its jobs, as they stand now: those that would be changed, and skipped ones with the reason."""

    id: str
    proposal: StoredProposal | None
    signature: str | None
    cause: str | None
    group: FailureGroup | None
    action: Action | None
    reason: str
    jobs: Sequence[ClassifiedJob]

    @property
    def alive(self) -> list[ClassifiedJob]:
        return [job for job in self.jobs if job.status != "skipped"]

    def is_of(self, proposal: StoredProposal) -> bool:
        return self.proposal is not None and self.proposal.id == proposal.id


def find_drafts(
    uow: UnitOfWork, workflow: WorkflowState, proposal_ids: Collection[int] | None, *, decider: ActorKind = "person"
) -> tuple[Sequence[StoredProposal], list[Draft]]:
    """Return the reviewed proposals and the entries, in the order in which a person sees them.

    Without `proposal_ids` these are all open proposals, and the groups of the jobs that none of them names.
    """
    proposals, drafts, groups = _of_proposals(uow, workflow, proposal_ids, decider=decider)
    if proposal_ids is None:
        drafts += _of_groups(uow, workflow, groups.values(), _named(drafts), decider=decider)
    drafts.sort(key=_place)
    return proposals, drafts


class DraftPage(NamedTuple):
    """Some of the entries, and how many entries and jobs there are in all."""

    proposals: Sequence[StoredProposal]
    drafts: list[Draft]
    entry_count: int
    job_count: int


def find_draft_page(
    uow: UnitOfWork, workflow: WorkflowState, page: PageRequest, *, decider: ActorKind = "person"
) -> DraftPage:
    """Return the entries of a page of what `find_drafts` returns without proposals.

    Only the jobs of these entries are planned: those of all would take as long as deciding about them.
    """
    proposals, drafts, groups = _of_proposals(uow, workflow, None, decider=decider)
    named = _named(drafts)
    waiting = {
        signature: count
        for signature, group in groups.items()
        if (count := sum(job_id not in named for job_id in group.job_ids))
    }
    places: list[tuple[tuple[bool, int, int], Draft | str]] = [(_place(draft), draft) for draft in drafts]
    for signature, count in waiting.items():
        suggestion = groups[signature].suggestion
        action = None if suggestion is None else suggestion.action
        places.append(((False, _ORDER.index(action), -count), signature))
    places.sort(key=lambda each: each[0])
    wanted = [each for _, each in places[page.offset : page.offset + page.limit]]
    shown = [groups[each] for each in wanted if isinstance(each, str)]
    planned = {draft.signature: draft for draft in _of_groups(uow, workflow, shown, named, decider=decider)}
    return DraftPage(
        proposals=proposals,
        drafts=[planned[each] if isinstance(each, str) else each for each in wanted],
        entry_count=len(places),
        job_count=len(named) + sum(waiting.values()),
    )


def _of_proposals(
    uow: UnitOfWork, workflow: WorkflowState, proposal_ids: Collection[int] | None, *, decider: ActorKind
) -> tuple[Sequence[StoredProposal], list[Draft], dict[str, FailureGroup]]:
    """Return the reviewed proposals, their entries, and all groups that wait for a decision."""
    proposals = _proposals(uow, workflow, proposal_ids)
    found = list_groups(uow, workflow.id, PageRequest(), status="pending_failed", job_ids_limit=None).items
    groups = {group.signature: group for group in found}
    drafts: list[Draft] = []
    for proposal in proposals:
        drafts += _of_proposal(uow, workflow, proposal, groups, decider=decider)
    return proposals, drafts, groups


def _named(drafts: Sequence[Draft]) -> set[int]:
    return {job.job_id for draft in drafts for job in draft.alive}


def _place(draft: Draft) -> tuple[bool, int, int]:
    return (not draft.alive, _ORDER.index(draft.action), -len(draft.alive))


def describe(uow: UnitOfWork, drafts: Sequence[Draft], *, job_ids_limit: int) -> Iterator[ReviewEntry]:
    """Yield the entries as they are shown."""
    needs = queries.needs(uow, [job.job_id for draft in drafts for job in draft.alive])
    actions: defaultdict[int, set[tuple[int, str]]] = defaultdict(set)
    for draft in drafts:
        if draft.proposal is not None and draft.action is not None:
            for job in draft.alive:
                actions[job.job_id].add((draft.proposal.id, draft.action))
    for draft in drafts:
        yield _entry(draft, needs, actions, job_ids_limit=job_ids_limit)


def _entry(
    draft: Draft,
    needs: Mapping[int, AttemptNeed],
    actions: Mapping[int, Collection[tuple[int, str]]],
    *,
    job_ids_limit: int,
) -> ReviewEntry:
    alive = draft.alive
    suggestion = None if draft.group is None else draft.group.suggestion
    changes = _changes(alive)
    against = (
        []
        if draft.action is None
        else objections(draft.group, draft.action, gets_more=frozenset(change.what for change in changes))
    )
    cpu_hours, node_hours = cost(alive, needs) if draft.action == "retry" else (0.0, 0.0)
    return ReviewEntry(
        id=draft.id,
        proposal_id=None if draft.proposal is None else draft.proposal.id,
        proposed_by=None if draft.proposal is None else draft.proposal.actor,
        signature=draft.signature,
        cause=draft.cause,
        class_=None if suggestion is None else suggestion.class_,
        action=draft.action,
        confidence=suggestion.confidence if suggestion is not None and suggestion.action == draft.action else None,
        reason=draft.reason,
        count=len(alive),
        job_ids=[job.job_id for job in alive[:job_ids_limit]],
        job_names=[job.job_name for job in alive[:_NAMES_SHOWN]],
        changes=changes,
        against=[*_contradictions(draft, actions), *against, *_notes(alive)],
        not_any_more=_not_any_more(draft.jobs),
        record=SignatureRecord() if draft.group is None else draft.group.record,
        cpu_hours=cpu_hours,
        node_hours=node_hours,
    )


def _contradictions(draft: Draft, actions: Mapping[int, Collection[tuple[int, str]]]) -> Iterator[str]:
    """Yield which other proposals want something else for jobs of this one."""
    if draft.proposal is None:
        return
    others = Counter(
        other
        for job in draft.alive
        for other in actions[job.job_id]
        if other[0] != draft.proposal.id and other[1] != draft.action
    )
    for (proposal_id, action), count in sorted(others.items()):
        yield f"proposal {proposal_id} would {action} {count} of these jobs"


def _notes(jobs: Sequence[ClassifiedJob]) -> list[str]:
    """Return what was cut or noted when the amounts were planned, each once."""
    return sorted({job.detail for job in jobs if job.detail})


def _changes(jobs: Sequence[ClassifiedJob]) -> list[AmountChange]:
    memory = Counter((job.old_memory, job.memory) for job in jobs if job.memory)
    runtime = Counter((job.old_runtime, job.runtime) for job in jobs if job.runtime)
    return [
        *(AmountChange(what="memory", old=old, new=new or "", count=n) for (old, new), n in memory.most_common()),
        *(AmountChange(what="runtime", old=old, new=new or "", count=n) for (old, new), n in runtime.most_common()),
    ]


def _not_any_more(jobs: Iterable[ClassifiedJob]) -> list[NoLongerApplies]:
    reasons: defaultdict[str, list[int]] = defaultdict(list)
    for job in jobs:
        if job.status == "skipped":
            reasons[job.detail or "skipped"].append(job.job_id)
    ordered = sorted(reasons.items(), key=lambda reason: -len(reason[1]))
    return [NoLongerApplies(count=len(ids), why=why, job_ids=ids[:_NAMES_SHOWN]) for why, ids in ordered]


def _proposals(
    uow: UnitOfWork, workflow: WorkflowState, proposal_ids: Collection[int] | None
) -> Sequence[StoredProposal]:
    if proposal_ids is None:
        return queries.list_proposals(uow, workflow.id, _ALL, status="open")[0]
    found = [find_undecided(uow, proposal_id) for proposal_id in dict.fromkeys(proposal_ids)]
    for proposal in found:
        if proposal.workflow_id != workflow.id:
            raise InvalidInputError(
                f"proposal {proposal.id} is of workflow {proposal.workflow_id}, not of {workflow.id}",
                ids={"proposal_id": proposal.id, "workflow_id": workflow.id},
            )
    return found


def _of_proposal(
    uow: UnitOfWork,
    workflow: WorkflowState,
    proposal: StoredProposal,
    groups: Mapping[str, FailureGroup],
    *,
    decider: ActorKind,
) -> Iterator[Draft]:
    items = queries.read_items(uow, proposal.id)
    causes = queries.causes(uow, proposal.id)
    now = plan_items(uow, workflow, proposal, items, decider=decider)
    gone = [job.job_id for item, job in zip(items, now, strict=True) if job.status != item.status]
    decided = reviews.decided_since(uow, gone, proposal.created_at)
    members: defaultdict[tuple[str | None, ...], list[ClassifiedJob]] = defaultdict(list)
    # Keyed by what was proposed, so that an entry keeps its id however its jobs move on.
    for item, job in zip(items, now, strict=True):
        if item.status != "would_apply":
            continue
        key: tuple[str | None, ...] = (item.signature, item.action, item.reason, item.memory, item.runtime)
        members[key].append(_with_decision(job, decided))
    for key, jobs in members.items():
        signature, _, reason, *_ = key
        group = groups.get(signature or "")
        yield Draft(
            id=f"p{proposal.id}-{_short(*key)}",
            proposal=proposal,
            signature=signature,
            cause=group.cause if group is not None else causes.get(signature),
            group=group,
            action=jobs[0].action,
            reason=reason or "",
            jobs=jobs,
        )


def _with_decision(job: ClassifiedJob, decided: Mapping[int, tuple[str, str]]) -> ClassifiedJob:
    """Return the job with who decided about it meanwhile, where somebody did."""
    if job.status != "skipped" or job.job_id not in decided:
        return job
    action, name = decided[job.job_id]
    return job.model_copy(update={"detail": f"decided meanwhile by {name}: {action}"})


def _of_groups(
    uow: UnitOfWork,
    workflow: WorkflowState,
    groups: Iterable[FailureGroup],
    named: Collection[int],
    *,
    decider: ActorKind,
) -> list[Draft]:
    wanted: dict[str, tuple[FailureGroup, list[DecisionRequest]]] = {}
    for group in groups:
        job_ids = [job_id for job_id in group.job_ids if job_id not in named]
        if job_ids:
            wanted[group.signature] = (group, [_suggested(group, job_id) for job_id in job_ids])
    requests = [request for _, group_requests in wanted.values() for request in group_requests]
    planned = {
        job.job_id: job for job in plan_decisions(uow, workflow, requests, limits=DecisionLimits(), decider=decider)
    }
    return [
        _of_group(group, [planned[request.job_id] for request in group_requests])
        for group, group_requests in wanted.values()
    ]


def _of_group(group: FailureGroup, jobs: Sequence[ClassifiedJob]) -> Draft:
    suggestion = group.suggestion
    suggested = ("none",) if suggestion is None else (suggestion.action, suggestion.memory, suggestion.runtime)
    return Draft(
        id=f"s-{_short(group.signature, *suggested)}",
        proposal=None,
        signature=group.signature,
        cause=group.cause,
        group=group,
        action=None if suggestion is None else suggestion.action,
        reason="" if suggestion is None else f"{suggestion.reason} {suggestion.advice}".rstrip(),
        jobs=jobs,
    )


def _suggested(group: FailureGroup, job_id: int) -> DecisionRequest:
    """Return what the suggestion wants for the job; where there is none, any action shows whether it still waits."""
    suggestion = group.suggestion
    if suggestion is None:
        return DecisionRequest(job_id=job_id, action="fail", reason="undecided", signature=group.signature)
    return DecisionRequest(
        job_id=job_id,
        action=suggestion.action,
        reason=suggestion.reason,
        memory_bytes=read_memory(suggestion.memory, "memory"),
        runtime_s=read_runtime(suggestion.runtime, "runtime"),
        signature=group.signature,
    )


def _short(*parts: str | None) -> str:
    return sha256("\0".join(part or "" for part in parts).encode()).hexdigest()[:12]


def without(draft: Draft, job_ids: Collection[int]) -> Draft:
    """Return the entry without these jobs."""
    return replace(draft, jobs=[job for job in draft.jobs if job.job_id not in job_ids])
