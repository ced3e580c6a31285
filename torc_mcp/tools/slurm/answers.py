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
