"""Nested settings of a workflow: execution, monitoring, standard output."""

from typing import Annotated, Literal

from pydantic import Field

from torc_core.api.base import ApiModel

StdioMode = Literal["separate", "combined", "no_stdout", "no_stderr", "none"]
MonitorGranularity = Literal["summary", "time_series"]
ExecutionMode = Literal["direct", "slurm", "auto"]


class StdioConfig(ApiModel):
    """Where a job's output goes: two files, one `.log`, or nowhere."""

    mode: StdioMode | None = None
    delete_on_success: bool | None = None


class ExecutionConfig(ApiModel):
    """How the runner starts, limits and stops jobs. None means the default named in the docs."""

    mode: ExecutionMode | None = None
    limit_resources: bool | None = None
    termination_signal: str | None = None
    sigterm_lead_seconds: int | None = Field(default=None, ge=0)
    sigkill_headroom_seconds: int | None = Field(default=None, ge=0)
    oom_exit_code: int | None = None
    timeout_exit_code: int | None = None
    staggered_start: bool | None = None
    stdio: StdioConfig | None = None
    job_stdio_overrides: dict[str, StdioConfig] | None = None
    srun_termination_signal: str | None = None
    srun_mpi: str | None = None
    enable_cpu_bind: bool | None = None


class JobMonitorConfig(ApiModel):
    enabled: bool | None = None
    granularity: MonitorGranularity | None = None


class ComputeNodeMonitorConfig(ApiModel):
    enabled: bool | None = None
    granularity: MonitorGranularity | None = None
    cpu: bool | None = None
    memory: bool | None = None


class ResourceMonitorConfig(ApiModel):
    """Sampling of jobs over time; peaks and CPU time are measured without it too."""

    enabled: bool | None = None
    granularity: MonitorGranularity | None = None
    sample_interval_seconds: Annotated[int | float, Field(union_mode="left_to_right")] | None = Field(
        default=None, gt=0
    )
    """A whole number goes over the wire as one: older clients read nothing else."""
    flush_interval_seconds: int | None = None
    generate_plots: bool | None = None
    jobs: JobMonitorConfig | None = None
    compute_node: ComputeNodeMonitorConfig | None = None

    def job_granularity(self) -> MonitorGranularity | None:
        """How jobs are sampled, None when they are not; what `jobs` says of itself wins."""
        jobs = self.jobs or JobMonitorConfig()
        enabled = self.enabled if jobs.enabled is None else jobs.enabled
        return None if enabled is False else jobs.granularity or self.granularity or "summary"


class DynamicJobsConfig(ApiModel):
    max_iterations: int | None = None
