"""The agent `rules`: decides about failures by suggestions of high confidence. No model, no network."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from torc_client.agents.decide import decide_all, in_parts
from torc_client.http import TorcClient
from torc_core import __version__
from torc_core.api.base import MAX_PAGE
from torc_core.api.failures import (
    MAX_DECIDED_JOBS,
    Actor,
    Classification,
    ClassifyRequest,
    ClassifyResponse,
    DecisionLimits,
    FailureGroup,
    ProposalModel,
)
from torc_core.recovery.plan import Retry
from torc_core.triage.suggestion import Suggestion

_MAX_REASONS: Final = 10


@dataclass(frozen=True, kw_only=True)
class RulesDecision:
    """`decided` are the entries of the rules; `planned` those of the recovery plan, with more memory or time.

    `left` counts the jobs left to people, by the reason.
    """

    decided: Sequence[Classification]
    planned: Sequence[Classification]
    left: Mapping[str, int]
    members: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """The jobs of each signature."""

    @property
    def everything(self) -> list[Classification]:
        return [*self.decided, *self.planned]

    @property
    def job_count(self) -> int:
        return sum(1 if each.signature is None else len(self.members[each.signature]) for each in self.everything)

    @property
    def by_job(self) -> list[Classification]:
        """Return all entries, with the jobs of the groups named one by one."""
        return [
            single
            for each in self.everything
            for single in (
                [each]
                if each.signature is None
                else [
                    each.model_copy(update={"signature": None, "job_id": job}) for job in self.members[each.signature]
                ]
            )
        ]


def decide_groups(
    groups: Sequence[FailureGroup], planned: Mapping[int, Retry], *, min_confidence: float
) -> RulesDecision:
    """Return an entry for each group whose suggestion has enough confidence; the others are left to people.

    `planned` are the retries that the recovery plan has already, by job.
    """
    left: Counter[str] = Counter()
    decided: list[Classification] = []
    for group in groups:
        why = why_left(group.suggestion, min_confidence)
        if why is None:
            decided.extend(_decide(group, planned))
        elif others := _others(group, planned):
            left[why] += len(others)
    return RulesDecision(
        decided=decided,
        left=left,
        members={group.signature: group.job_ids for group in groups},
        planned=[
            _retry_as_planned(planned[job_id]) for group in groups for job_id in group.job_ids if job_id in planned
        ],
    )


def propose_by_rules(
    client: TorcClient, workflow_id: int, decision: RulesDecision, request: "RulesRequest"
) -> ProposalModel | None:
    """Store all entries for a person to approve, those of the recovery plan included; return the last proposal.

    Where one proposal cannot hold them, several are stored, job by job.
    """
    wanted = decision.everything
    if not wanted:
        return None
    if decision.job_count > MAX_DECIDED_JOBS:
        wanted = decision.by_job
    *others, last = in_parts(wanted)
    for part in others:
        client.failures.propose(workflow_id, request.of(part))
    return client.failures.propose(workflow_id, request.of(last))


def decide_by_rules(
    client: TorcClient, workflow_id: int, decision: RulesDecision, request: "RulesRequest"
) -> ClassifyResponse | None:
    """Apply the entries of the rules."""
    wanted = list(decision.decided)
    return decide_all(client, workflow_id, request.of(wanted)) if wanted else None


@dataclass(frozen=True, kw_only=True)
class RulesRequest:
    """In whose name the rules decide, and within which limits."""

    user: str
    limits: DecisionLimits

    def of(self, classifications: list[Classification]) -> ClassifyRequest:
        actor = Actor(kind="rules", name="torc", version=__version__, user=self.user)
        return ClassifyRequest(classifications=classifications, actor=actor, limits=self.limits)


def read_groups(client: TorcClient, workflow_id: int) -> list[FailureGroup]:
    """Return every group that waits for a decision, with the ids of all its jobs."""
    found: list[FailureGroup] = []
    while True:
        page = client.failures.groups(workflow_id, offset=len(found), limit=MAX_PAGE)
        found.extend(page.items)
        if not page.has_more:
            return found


def left_lines(decision: RulesDecision, answer: ClassifyResponse | ProposalModel | None) -> list[str]:
    """Return why jobs were left, the most frequent reason first: by the rules, or by the server's limits."""
    refused = (
        Counter(job.detail or "skipped" for job in answer.jobs if job.status == "skipped") if answer else Counter()
    )
    return [f"{count} job(s): {why}" for why, count in (Counter(decision.left) + refused).most_common(_MAX_REASONS)]


def why_left(suggestion: Suggestion | None, min_confidence: float) -> str | None:
    """Return why the rules leave a group with this suggestion to people; None where they decide."""
    if suggestion is None:
        return "no rule has a suggestion for their failure"
    if suggestion.confidence < min_confidence:
        return (
            f"{suggestion.action} is {suggestion.confidence:.0%} sure ({suggestion.rule}), "
            f"below --ai-min-confidence {min_confidence:.0%}"
        )
    if not _is_complete(suggestion):
        return f"{suggestion.class_}: how much more they need is unknown"
    return None


def _others(group: FailureGroup, planned: Mapping[int, Retry]) -> list[int]:
    return [job_id for job_id in group.job_ids if job_id not in planned]


def _decide(group: FailureGroup, planned: Mapping[int, Retry]) -> Iterator[Classification]:
    suggestion = group.suggestion
    if suggestion is None:
        return
    others = _others(group, planned)
    if len(others) == len(group.job_ids):
        yield _entry(suggestion, signature=group.signature)
    else:
        yield from (_entry(suggestion, job_id=job_id) for job_id in others)


def _is_complete(suggestion: Suggestion) -> bool:
    """Return whether the suggestion names what the job lacked: a retry without it would fail again."""
    lacks = suggestion.class_ in ("oom", "timeout") and suggestion.action == "retry"
    return not lacks or bool(suggestion.memory or suggestion.runtime)


def _entry(suggestion: Suggestion, *, signature: str | None = None, job_id: int | None = None) -> Classification:
    is_retry = suggestion.action == "retry"
    return Classification(
        signature=signature,
        job_id=job_id,
        action=suggestion.action,
        reason=f"{suggestion.reason} ({suggestion.rule}, {suggestion.confidence:.0%} sure)",
        memory=suggestion.memory if is_retry else None,
        runtime=suggestion.runtime if is_retry else None,
    )


def _retry_as_planned(retry: Retry) -> Classification:
    return Classification(
        job_id=retry.job_id, action="retry", reason=retry.reason, memory=retry.memory, runtime=retry.runtime
    )
