"""Answers of the tools that ask a Slurm cluster."""

from torc_mcp.answers import Answer, Part


class AccountedPart(Part):
    """An allocation (`job_step` is empty) or a step of one; the job is named where the step is that of its attempt."""

    slurm_job_id: str
    job_step: str
    state: str
    exit_code: str | None = None
    elapsed: str | None = None
    max_rss: str | None = None
    max_rss_is_low: bool | None = None
    cpu_time: str | None = None
    nodes: str | None = None
    job_id: int | None = None
    job_name: str | None = None
    attempt_id: int | None = None


class SlurmSacct(Answer):
    """What accounting has of a workflow's allocations; those that did not complete stand first.

    `rows_total` counts all rows: not all of many are shown.
    """

    workflow_id: int
    total_slurm_jobs: int
    rows_total: int
    summary: list[AccountedPart]
    errors: list[str]
    note: str

    def headline(self) -> str:
        return (
            f"{self.total_slurm_jobs} allocations of workflow {self.workflow_id}; {len(self.summary)} of "
            f"{self.rows_total} rows are shown. {self.note}"
        )


class PlannedPart(Part):
    """Allocations that are alike; with `has_dependencies` they follow once their jobs are ready."""

    name: str | None = None
    account: str | None = None
    partition: str | None = None
    walltime: str | None = None
    nodes: int | None = None
    mem: str | None = None
    num_allocations: int
    job_count: int
    has_dependencies: bool


class PlannedSubmissions(Answer):
    """Allocations for the jobs of a workflow that still have to run, planned or (without `dry_run`) submitted."""

    workflow_id: int
    dry_run: bool
    pending_jobs: int
    total_allocations: int
    allocations_submitted: int
    node_hours: float
    profile_name: str | None = None
    planned_schedulers: list[PlannedPart]
    warnings: list[str]
    next_steps: str

    def headline(self) -> str:
        done = "would be" if self.dry_run else "are"
        return (
            f"{self.total_allocations} allocations for {self.pending_jobs} jobs of workflow {self.workflow_id} {done} "
            f"submitted, at most {self.node_hours:g} node-hours. {self.next_steps}"
        )
