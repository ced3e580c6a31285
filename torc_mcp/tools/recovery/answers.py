"""Answers of the tools for resources and recovery."""

from torc_core.evidence.attempt import Cause
from torc_core.recovery.plan import WhySkipped
from torc_core.recovery.resource_groups import GroupAmounts, JobUse, UseSummary
from torc_core.recovery.resource_report import OverUtilization, ResourceViolation
from torc_mcp.answers import Answer, Part


class ResourceUse(Answer):
    """Use against request. The counts are whole; `violations` and `resource_violations` may hold the first of them.

    `violations` are jobs that used more than they asked for, `resource_violations` failed jobs with what ended them.
    """

    workflow_id: int
    run_id: int | None = None
    total_results: int
    over_utilization_count: int
    violations: list[OverUtilization]
    resource_violations_count: int
    likely_oom_count: int
    likely_timeout_count: int
    resource_violations: list[ResourceViolation]
    next_steps: str | None = None

    def headline(self) -> str:
        return (
            f"{self.over_utilization_count} uses above the request among {self.total_results} results of workflow "
            f"{self.workflow_id}; {self.resource_violations_count} failed jobs, {self.likely_oom_count} likely out of "
            f"memory, {self.likely_timeout_count} out of time."
        )


class RequirementUsePart(Part):
    """One resource requirement; `jobs` are those with the largest peaks, `jobs_left_out` counts the others."""

    resource_requirements_id: int
    name: str
    config: GroupAmounts
    job_count: int
    jobs_with_results: int
    summary: UseSummary
    jobs: list[JobUse]
    jobs_left_out: int = 0


class RequirementsUse(Answer):
    """What jobs used, by the resource requirement that they have. The counts are whole, lists may be cut."""

    workflow_id: int
    total_jobs: int
    total_jobs_with_results: int
    resource_groups_count: int
    resource_groups: list[RequirementUsePart]
    jobs_without_results: list[int]
    next_steps: str | None = None

    def headline(self) -> str:
        return (
            f"{self.total_jobs_with_results} of {self.total_jobs} jobs of workflow {self.workflow_id} have results, in "
            f"{self.resource_groups_count} resource requirements."
        )


class RegroupedPart(Part):
    """One group; `before` counts its jobs by the requirement they had. The id comes once it was applied."""

    group_index: int
    name: str
    config: GroupAmounts
    job_count: int
    before: dict[str, int]
    resource_requirements_id: int | None = None


class Regrouped(Answer):
    """The groups as they are now, or with `dry_run` as they would be."""

    workflow_id: int
    dry_run: bool
    total_jobs: int
    groups_count: int
    groups: list[RegroupedPart]
    next_steps: str

    def headline(self) -> str:
        return f"{self.total_jobs} jobs in {self.groups_count} groups. {self.next_steps}"


class RetriedJob(Part):
    """A job that is tried again; amounts are named where they change."""

    job_id: int
    name: str
    cause: Cause
    reason: str
    old_memory: str | None = None
    memory: str | None = None
    old_runtime: str | None = None
    runtime: str | None = None


class LeftJob(Part):
    """A job that stays as it is, and why."""

    job_id: int
    name: str
    cause: Cause
    why: WhySkipped | None = None
    reason: str


class RecoverySummary(Answer):
    """What a recovery would do (`dry_run`) or did. The counts are whole, the lists may hold the first jobs."""

    workflow_id: int
    dry_run: bool
    memory_multiplier: float
    runtime_multiplier: float
    retry_unknown: bool
    retried_count: int
    memory_raised_count: int
    runtime_raised_count: int
    skipped_count: int
    needs_decision_count: int
    orphaned_jobs_count: int
    dependents_reset_count: int | None = None
    run_id: int | None = None
    retried: list[RetriedJob]
    skipped: list[LeftJob]
    needs_decision: list[LeftJob]
    next_steps: str

    def headline(self) -> str:
        done = "would be" if self.dry_run else "are"
        return (
            f"{self.retried_count} jobs {done} retried ({self.memory_raised_count} with more memory, "
            f"{self.runtime_raised_count} with more runtime), {self.skipped_count} left as they are, "
            f"{self.needs_decision_count} need a decision. {self.next_steps}"
        )
