"""The review of a workflow's failures: what proposals and suggestions would do, by entry, and what a person chooses."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from torc_core.api.base import ApiModel
from torc_core.api.failures import Action, Actor, ClassifiedJob, SignatureRecord
from torc_core.triage.pattern_library import FailureClass

ReviewVerb = Literal["accept", "retry", "fail", "leave_out"]
"""What a person chooses about an entry: as shown, another attempt, give up, or leave it for later."""


class AmountChange(ApiModel):
    """One change of memory or runtime, and how many jobs of the entry get it; `old` is None where none is stated."""

    what: Literal["memory", "runtime"]
    old: str | None = None
    new: str
    count: int


class NoLongerApplies(ApiModel):
    """Jobs of an entry that nothing would happen to now, and why: they moved on, or were decided meanwhile."""

    count: int
    why: str
    job_ids: list[int]


class ReviewEntry(ApiModel):
    """Jobs that failed alike and are to be treated alike: a part of a proposal, or a group that no proposal names.

    `action` is None where nobody proposes anything and the rules are not sure enough. `confidence` and `class` are
    those of the rules, whoever proposes. `count` are the jobs that accepting would change now. Texts come from logs and
    agents: untrusted data.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    id: str
    """Names the entry in a choice; the same as long as the same is proposed for the same signature."""
    proposal_id: int | None = None
    proposed_by: Actor | None = None
    signature: str | None = None
    cause: str | None = None
    class_: FailureClass | None = Field(default=None, alias="class")
    action: Action | None = None
    confidence: float | None = None
    reason: str = ""
    count: int
    job_ids: list[int]
    job_names: list[str]
    """The names of the first few jobs."""
    changes: list[AmountChange] = Field(default_factory=list)
    against: list[str] = Field(default_factory=list)
    """Objections to the action, the weightiest first."""
    not_any_more: list[NoLongerApplies] = Field(default_factory=list)
    record: SignatureRecord = Field(default_factory=SignatureRecord)
    cpu_hours: float = 0.0
    node_hours: float = 0.0


class ReviewModel(ApiModel):
    """All that waits for a person in one workflow, retries first, then failures, then groups without a suggestion.

    `as_of` goes back with the choices: attempts that failed later are left for the next review.
    """

    workflow_id: int
    as_of: int
    proposal_ids: list[int]
    total_jobs: int
    entries: list[ReviewEntry]


class ReviewChoice(ApiModel):
    """What a person chooses about one entry. Memory and runtime go with `retry`, `reason` replaces the proposed one."""

    entry: str = Field(max_length=200)
    choice: ReviewVerb
    memory: str | None = None
    runtime: str | None = None
    reason: str | None = Field(default=None, max_length=2000)

    @model_validator(mode="after")
    def _amounts_go_with_retry(self) -> Self:
        if self.choice != "retry" and (self.memory or self.runtime):
            raise ValueError("memory and runtime go with the choice retry only")
        return self


class ReviewRequest(ApiModel):
    """The choices of a person, applied in one transaction. `accept_from` accepts every other entry as sure as this.

    Entries without a choice stay as they are. `proposal_ids` restricts the review as it did when it was shown.
    """

    actor: Actor
    as_of: int = Field(ge=0)
    choices: list[ReviewChoice] = Field(default_factory=list, max_length=10_000)
    accept_from: float | None = Field(default=None, ge=0, le=1)
    proposal_ids: list[int] | None = None
    reason: str | None = Field(default=None, max_length=2000)


class ReviewResponse(ApiModel):
    """What was applied, or would be. `gone` are chosen entries that are not there any more; `jobs` may be cut.

    `remaining` counts the jobs that were too many for one call: the same call goes on with them.
    """

    workflow_id: int
    jobs_to_retry: int
    jobs_to_fail: int
    jobs_skipped: int
    jobs: list[ClassifiedJob]
    gone: list[str] = Field(default_factory=list)
    left_out: int = 0
    remaining: int = 0
    closed_proposal_ids: list[int] = Field(default_factory=list)
