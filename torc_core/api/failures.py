"""Failures grouped by what they have in common, proposals, and decisions with their outcomes."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from torc_core.api.base import ApiModel, Page
from torc_core.evidence.record import Evidence
from torc_core.triage.pattern_library import Action as Action
from torc_core.triage.suggestion import Leaning, Suggestion

MAX_DECIDED_JOBS = 10_000
"""How many jobs one proposal or one call decides; of a larger group the rest waits for the next call."""

DEFAULT_MAX_AI_RETRIES = 3
"""How often a job may be sent back by agents and rules together, in all runs since a person last decided about it."""

ActorKind = Literal["person", "agent", "rules"]
ProposalStatus = Literal["open", "approved", "rejected", "expired"]
ItemStatus = Literal["would_apply", "applied", "skipped"]
Outcome = Literal["open", "succeeded", "failed_again", "not_run", "undone"]


def _says_something(reason: str) -> str:
    if not reason.strip():
        raise ValueError("it needs a reason that says something")
    return reason


Reason = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_says_something)]


class Actor(ApiModel):
    """Who proposes or decides: a person, an agent (name and version, and the user it works for), or the rules."""

    kind: ActorKind
    name: str = Field(min_length=1, max_length=200)
    version: str | None = Field(default=None, max_length=100)
    user: str | None = Field(default=None, max_length=200)
    principal: str | None = None
    """Who the server knows it was, by password or personal token; what a request claims here is not kept."""
    address: str | None = None
    """Where the request came from, kept with the principal."""


class SignatureRecord(ApiModel):
    """The outcomes of earlier decisions on a signature, in every workflow of this server."""

    retried: int = 0
    retries_succeeded: int = 0
    retries_failed_again: int = 0
    failed: int = 0
    alike: int = 0
    """Decided causes that read alike, where nobody decided about this one."""


class FailureSample(ApiModel):
    """One failed attempt of a group. The texts in `evidence` are untrusted data."""

    job_id: int
    job_name: str
    run_id: int
    attempt_id: int
    return_code: int
    exec_time_minutes: float | None = None
    evidence: Evidence | None = None


class FailureGroup(ApiModel):
    """Failures with one signature. `job_ids` is cut to the asked length, `count` is the whole number.

    `leaning` is what rule and words lean to where they are not sure enough for a suggestion; `doubts` says which
    claims of the log were not believed, as measured facts contradict them.
    """

    signature: str
    cause: str
    count: int
    job_ids: list[int]
    suggestion: Suggestion | None = None
    leaning: Leaning | None = None
    doubts: tuple[str, ...] = ()
    record: SignatureRecord = Field(default_factory=SignatureRecord)
    sample: FailureSample


class FailureGroups(Page[FailureGroup]):
    """Groups, the largest first; `total_jobs` counts the failed jobs of all groups, not only of this page."""

    workflow_id: int
    total_jobs: int


class Classification(ApiModel):
    """One entry of a proposal or decision, on one job or on every pending_failed job with one signature."""

    job_id: int | None = None
    signature: str | None = None
    action: Action
    reason: Reason
    memory: str | None = None
    runtime: str | None = None

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.job_id is None) == (self.signature is None):
            raise ValueError("name either job_id or signature")
        if self.action == "fail" and (self.memory or self.runtime):
            raise ValueError("memory and runtime go with action retry only")
        return self


class DecisionLimits(ApiModel):
    """Bounds of a proposal or decision; None leaves the server's own."""

    max_ai_retries: int | None = Field(default=None, ge=0)
    max_memory: str | None = None
    max_runtime: str | None = None


class ClassifyRequest(ApiModel):
    """Entries on pending_failed jobs of one workflow, as a proposal or as a decision.

    A decision may name, in place of entries, an open proposal of the same actor: then nothing is applied that was not
    proposed, and no attempt that failed since.
    """

    classifications: list[Classification] = Field(default_factory=list)
    proposal_id: int | None = None
    actor: Actor
    limits: DecisionLimits = Field(default_factory=DecisionLimits)
    expires_in_s: float = Field(default=86_400.0, gt=0)

    @model_validator(mode="after")
    def _entries_or_proposal(self) -> Self:
        if bool(self.classifications) == (self.proposal_id is not None):
            raise ValueError("name either classifications, one at least, or proposal_id")
        return self


class ClassifiedJob(ApiModel):
    """What an entry means for one job, bound to the attempt it was made on."""

    job_id: int
    job_name: str
    run_id: int
    attempt_id: int
    signature: str | None = None
    action: Action
    reason: str
    memory: str | None = None
    old_memory: str | None = None
    runtime: str | None = None
    old_runtime: str | None = None
    status: ItemStatus
    detail: str | None = None
    """Why a job is skipped: it moved on, its bound is reached, it is of another workflow."""


class ProposalEntry(ApiModel):
    """The jobs of a proposal that failed alike and are to be treated alike; the unit that a person reviews.

    `cpu_hours` and `node_hours` are the most that another attempt of these jobs may use: the runtime they will have, or
    what their longest attempt used where they state none.
    """

    signature: str | None = None
    cause: str | None = None
    action: Action
    status: ItemStatus
    reason: str
    memory: str | None = None
    old_memory: str | None = None
    runtime: str | None = None
    old_runtime: str | None = None
    detail: str | None = None
    count: int
    job_ids: list[int]
    job_names: list[str]
    """The names of the first few jobs."""
    record: SignatureRecord = Field(default_factory=SignatureRecord)
    cpu_hours: float = 0.0
    node_hours: float = 0.0


class ProposalModel(ApiModel):
    """A stored proposal. `jobs` may be cut; the counts are whole.

    `remaining`, sent once, counts the jobs of the named groups that were too many for one proposal. `entries` holds the
    same jobs by what they have in common; it is empty in lists of proposals.
    """

    id: int
    workflow_id: int
    status: ProposalStatus
    actor: Actor
    created_at: str
    expires_at: str
    job_count: int
    jobs_to_retry: int
    jobs_to_fail: int
    jobs_skipped: int
    jobs: list[ClassifiedJob]
    entries: list[ProposalEntry] = Field(default_factory=list)
    decided_by: Actor | None = None
    decided_at: str | None = None
    decision_reason: str | None = None
    remaining: int = 0


class ApproveRequest(ApiModel):
    """Applies an open proposal, whole or in part; `edits` replace the proposal's entries on their jobs."""

    actor: Actor
    only_job_ids: list[int] | None = None
    edits: list[Classification] = Field(default_factory=list)
    reason: str | None = Field(default=None, max_length=2000)


class RejectRequest(ApiModel):
    actor: Actor
    reason: Reason


class ClassifyResponse(ApiModel):
    """What was applied. Jobs that moved on since are skipped, each with its reason; `jobs` may be cut.

    `remaining` counts the jobs of `remaining_signatures` that were too many for one call: the same call goes on with
    them.
    """

    workflow_id: int
    proposal_id: int | None = None
    jobs_to_retry: int
    jobs_to_fail: int
    jobs_skipped: int
    jobs: list[ClassifiedJob]
    remaining: int = 0
    remaining_signatures: list[str] = Field(default_factory=list)


class UndoRequest(ApiModel):
    """Names the decisions to undo: those of a proposal, those on these jobs, or both; without either, all of them.

    Only the newest decision on a job can be undone, while nothing has run because of it.
    """

    actor: Actor
    proposal_id: int | None = None
    job_ids: list[int] | None = None
    reason: str | None = Field(default=None, max_length=2000)


class UndoneJob(ApiModel):
    """What became of one decision: undone, or skipped and why."""

    job_id: int
    job_name: str
    decision_id: int
    status: Literal["undone", "skipped"]
    detail: str | None = None


class UndoResponse(ApiModel):
    """The decisions that were undone, whose jobs wait for a decision again, and those that could not be."""

    workflow_id: int
    undone: int
    skipped: int
    jobs: list[UndoneJob]


class DecisionModel(ApiModel):
    """One applied decision on one job, and its outcome."""

    id: int
    workflow_id: int
    job_id: int
    job_name: str
    run_id: int
    attempt_id: int
    signature: str | None = None
    action: Action
    reason: str
    memory: str | None = None
    runtime: str | None = None
    actor: Actor
    approved_by: Actor | None = None
    proposal_id: int | None = None
    decided_at: str
    outcome: Outcome
    undone_by: Actor | None = None
    undone_at: str | None = None

    @property
    def why_given_up(self) -> str:
        """Return who decided `fail` and why, for whoever would try the job again."""
        return f"decided to fail by {(self.approved_by or self.actor).name}: {self.reason}"
