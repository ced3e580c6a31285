"""Answers of the tools that show workflows, jobs and results."""

from pydantic import Field

from torc_core.jobs.status import JobStatus
from torc_mcp.answers import Answer, Part
from torc_mcp.failure_views import GroupView


class WorkflowRow(Part):
    workflow_id: int
    name: str
    user: str
    description: str | None = None
    created_at: str | None = None
    is_archived: bool | None = None


class WorkflowsPage(Answer):
    """`total` counts all that match; `next_offset` is there when more follow."""

    total: int
    offset: int
    next_offset: int | None = None
    workflows: list[WorkflowRow]

    def headline(self) -> str:
        return f"{len(self.workflows)} of {self.total} workflows, the newest first."


class WorkflowStatus(Answer):
    """Statuses without any job are left out of `job_counts_by_status`."""

    workflow_id: int
    name: str
    user: str
    description: str | None = None
    run_id: int
    total_jobs: int
    job_counts_by_status: dict[str, int]
    is_complete: bool
    is_canceled: bool
    is_archived: bool
    active_compute_nodes: int
    next_steps: str | None = None

    def headline(self) -> str:
        return f"Workflow {self.workflow_id} ({self.name}): {describe_counts(self.job_counts_by_status)}."


class WorkflowSummary(Answer):
    workflow_id: int
    workflow_name: str
    workflow_user: str
    run_id: int
    total_jobs: int
    jobs_by_status: dict[str, int]
    total_exec_time_minutes: float
    total_exec_time_formatted: str
    walltime_seconds: float | None = None
    walltime_formatted: str | None = None
    active_compute_nodes: int
    pending_scheduled_nodes: int
    active_scheduled_nodes: int
    is_complete: bool
    is_canceled: bool
    largest_failure_groups: list[GroupView] = Field(default_factory=list)
    log_notice: str | None = None

    def headline(self) -> str:
        return f"Workflow {self.workflow_id} ({self.workflow_name}): {describe_counts(self.jobs_by_status)}."


class JobRow(Part):
    job_id: int
    name: str
    command: str


class JobsByStatus(Answer):
    """`count` is the number of all jobs in the status."""

    workflow_id: int
    status: JobStatus
    count: int
    offset: int
    next_offset: int | None = None
    jobs: list[JobRow]

    def headline(self) -> str:
        return f"{len(self.jobs)} of {self.count} {self.status} jobs of workflow {self.workflow_id}."


class JobRequirements(Part):
    """`memory` in binary units (8g), `runtime` as an ISO 8601 duration. One named `default` states no limits."""

    id: int
    name: str
    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory: str
    runtime: str


class AttemptRow(Part):
    """One attempt. CPU: 100 percent is one core."""

    job_id: int
    job_name: str | None = None
    run_id: int
    attempt_id: int
    return_code: int
    status: JobStatus
    exec_time_minutes: float
    completion_time: str
    peak_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    avg_cpu_percent: float | None = None


class JobDetails(Answer):
    """`depends_on_job_ids` holds the first 100, `depends_on_count` says how many there are."""

    job_id: int
    workflow_id: int
    name: str
    command: str
    invocation_script: str | None = None
    status: JobStatus
    attempt_id: int
    priority: int
    supports_termination: bool
    cancel_on_blocking_job_failure: bool
    depends_on_job_ids: list[int]
    depends_on_count: int
    failure_handler_id: int | None = None
    compute_node_id: int | None = None
    start_time: str | None = None
    resource_requirements: JobRequirements | None = None
    latest_result: AttemptRow | None = None

    def headline(self) -> str:
        return f"Job {self.job_id} ({self.name}) of workflow {self.workflow_id} is {self.status}."


class ResultsPage(Answer):
    workflow_id: int
    total: int
    offset: int
    next_offset: int | None = None
    results: list[AttemptRow]

    def headline(self) -> str:
        return f"{len(self.results)} of {self.total} results of workflow {self.workflow_id}."


def describe_counts(counts: dict[str, int]) -> str:
    """Return `3 completed, 1 failed`."""
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "no jobs"
