"""Answers of the tools that change something."""

from typing import Self

from pydantic import Field, model_validator

from torc_core.api.failures import Action, Classification, ItemStatus
from torc_mcp.answers import Answer, Part


class DecisionEntry(Part):
    """One entry: about one job, or about every pending_failed job with one signature."""

    job_id: int | None = Field(default=None, ge=1, description="One job; leave it out when naming a signature.")
    signature: str | None = Field(
        default=None, min_length=1, max_length=64, description="All pending_failed jobs of this group."
    )
    action: Action = Field(
        description="retry: another attempt. fail: the job is failed, what depends on it is canceled."
    )
    reason: str = Field(min_length=1, max_length=2000, description="Why, in a sentence; it is kept with the decision.")
    memory: str | None = Field(default=None, description="With retry: the job's memory from now on, for example 16g.")
    runtime: str | None = Field(
        default=None, description="With retry: the job's runtime from now on, for example PT4H."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.as_classification()
        return self

    def as_classification(self) -> Classification:
        return Classification.model_validate(self.model_dump())


class DecidedJob(Part):
    """The effect of an entry on one job. `detail` says why one is skipped."""

    job_id: int
    name: str
    attempt_id: int
    signature: str | None = None
    action: Action
    status: ItemStatus
    reason: str
    memory: str | None = None
    old_memory: str | None = None
    runtime: str | None = None
    old_runtime: str | None = None
    detail: str | None = None


class Decisions(Answer):
    """A proposal (`dry_run`), or what was applied. The counts are whole.

    `results` holds every job where they are few, else the exceptions: skipped jobs, and those whose amounts were cut.
    """

    workflow_id: int
    dry_run: bool
    proposal_id: int | None = None
    proposal_status: str | None = None
    expires_at: str | None = None
    total_classifications: int
    jobs_to_retry: int
    jobs_to_fail: int
    jobs_skipped: int
    results_total: int
    results: list[DecidedJob]
    next_steps: str

    def headline(self) -> str:
        done = "would be" if self.dry_run else "are"
        return (
            f"{self.jobs_to_retry} jobs {done} retried, {self.jobs_to_fail} {done} failed, {self.jobs_skipped} "
            f"{done} skipped. {self.next_steps}"
        )


class ResourceAmounts(Part):
    """`unspecified` where the job has no limit."""

    requirement: str
    num_cpus: int
    memory: str
    runtime: str


class UpdatedResources(Answer):
    """The requirements of one job before and after; `resource_requirements_id` is there when they were applied."""

    job_id: int
    job_name: str
    workflow_id: int
    dry_run: bool
    before: ResourceAmounts
    after: ResourceAmounts
    resource_requirements_id: int | None = None
    next_steps: str

    def headline(self) -> str:
        return f"Job {self.job_id}: {self.next_steps}"
