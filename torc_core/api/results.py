"""The record of one attempt of one job in one run."""

from torc_core.api.base import ApiModel
from torc_core.jobs.status import JobStatus


class ResultModel(ApiModel):
    """One attempt. Times: `exec_time_minutes` minutes, `completion_time` RFC 3339 UTC. CPU: 100 % is one core."""

    id: int | None = None
    job_id: int
    job_name: str | None = None
    workflow_id: int
    run_id: int
    attempt_id: int | None = None
    compute_node_id: int
    return_code: int
    exec_time_minutes: float
    completion_time: str
    status: JobStatus
    peak_memory_bytes: int | None = None
    avg_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    avg_cpu_percent: float | None = None
    cpu_time_s: float | None = None
    """User and system time of the job's process tree, as the kernel accounts it."""
