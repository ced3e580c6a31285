"""Answers of the tools that show why jobs failed."""

from typing import Literal

from torc_core.triage.pattern_library import FailureClass
from torc_mcp.answers import Answer, Part
from torc_mcp.failure_views import FailedJobView, GroupView


class PendingFailedJobs(Answer):
    """Failures that wait for a decision.

    `groups` holds groups in full, the largest first, and `pending_failed_jobs` all their jobs when they are few, else
    samples. `more_groups` holds the groups after them on a line each: signature, count, suggested action (or -), cause.
    `next_offset` is there when even more follow.
    """

    workflow_id: int
    pending_failed_count: int
    groups_total: int
    offset: int
    next_offset: int | None = None
    pending_failed_jobs: list[FailedJobView]
    groups: list[GroupView]
    more_groups: str | None = None
    log_notice: str | None = None
    guidance: str

    def headline(self) -> str:
        return (
            f"{self.pending_failed_count} jobs of workflow {self.workflow_id} wait for a decision, "
            f"in {self.groups_total} groups; {len(self.groups)} groups and {len(self.pending_failed_jobs)} jobs are "
            f"shown. {self.guidance}"
        )


class FailedJobs(Answer):
    """Jobs that failed and wait for no decision; groups and samples as for pending_failed ones."""

    workflow_id: int
    failed_job_count: int
    groups_total: int
    offset: int
    next_offset: int | None = None
    failed_jobs: list[FailedJobView]
    groups: list[GroupView]
    more_groups: str | None = None
    log_notice: str | None = None

    def headline(self) -> str:
        return (
            f"{self.failed_job_count} failed jobs of workflow {self.workflow_id} in {self.groups_total} groups; "
            f"{len(self.groups)} groups and {len(self.failed_jobs)} jobs are shown."
        )


class ErrorKind(Part):
    """Failures of one category; `class` is what the rules make of it, null where they do not know."""

    type: str
    failure_class: FailureClass | None = None
    count: int
    groups: int


class SampleError(Part):
    """The line that names the cause, of one job of a group."""

    job_id: int
    job_name: str
    type: str
    count: int
    content: str


class LogAnalysis(Answer):
    """All failures of a workflow by kind. `error_count` counts jobs, `groups_total` distinct causes."""

    workflow_id: int
    summary: str
    error_count: int
    groups_total: int
    errors_by_type: list[ErrorKind]
    sample_errors: list[SampleError]
    log_notice: str | None = None

    def headline(self) -> str:
        return self.summary


class JobLogs(Answer):
    """The end of one log of one attempt. `source` is the file where it can be read here, else the evidence.

    `lines` counts the lines shown; with `is_cut` there is more before them.
    """

    workflow_id: int
    job_id: int
    job_name: str
    run_id: int
    attempt_id: int
    log_type: Literal["stdout", "stderr"]
    source: Literal["file", "evidence"]
    path: str | None = None
    lines: int
    is_cut: bool
    excerpt: str | None = None
    content: str
    log_notice: str
    note: str | None = None

    def headline(self) -> str:
        return (
            f"The last {self.lines} lines of {self.log_type} of job {self.job_id} ({self.job_name}), "
            f"run {self.run_id}, attempt {self.attempt_id}."
        )
