"""Answers of the tools for resources and recovery."""

from torc_core.evidence.attempt import Cause
from torc_core.recovery.plan import WhySkipped
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
