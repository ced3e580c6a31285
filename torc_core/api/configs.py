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
    """Two files, one, or which stream is dropped. Default: `separate`."""
    delete_on_success: bool | None = None
    """Whether the files of a completed attempt are deleted. Default: false."""


class ExecutionConfig(ApiModel):
    """How the runner starts, limits and stops jobs. None means the default named in the docs."""

    mode: ExecutionMode | None = None
    """Who starts jobs: the runner, or Slurm. Default: `direct`."""
    limit_resources: bool | None = None
    """Whether jobs over their memory or runtime are stopped; not with `slurm`. Default: true."""
    termination_signal: str | None = None
    """Signal that asks a job to end; not with `slurm`. Default: `SIGTERM`."""
    sigterm_lead_seconds: int | None = Field(default=None, ge=0)
    """Seconds from that signal to SIGKILL; not with `slurm`. Default: 30."""
    sigkill_headroom_seconds: int | None = Field(default=None, ge=0)
    """Seconds that a runner with a time limit keeps for its last reports. Default: 60."""
    oom_exit_code: int | None = None
    """Return code of a job that was stopped for memory; not with `slurm`. Default: 137."""
    timeout_exit_code: int | None = None
    """Return code of a job that was stopped at its runtime. Default: 152."""
    job_token: Literal["run", "none"] | None = None
    """Whether jobs get a token of their run by which they may use the server. Default: `run`."""
    staggered_start: bool | None = None
    """Whether the runners of many allocations begin one after the other. Default: true."""
    stdio: StdioConfig | None = None
    """Where the output of jobs goes."""
    job_stdio_overrides: dict[str, StdioConfig] | None = None
    """The same for single jobs, by name."""
    srun_termination_signal: str | None = None
    """Signal that srun sends before the time limit; not with `direct`."""
    srun_mpi: str | None = None
    """Value of `srun --mpi` of each step; with `direct`, of the `srun` that starts one runner on each node."""
    enable_cpu_bind: bool | None = None
    """Whether srun binds tasks to CPUs; not with `direct`."""


class JobMonitorConfig(ApiModel):
    enabled: bool | None = None
    """Default: that of `resource_monitor`."""
    granularity: MonitorGranularity | None = None
    """Default: that of `resource_monitor`."""


class ComputeNodeMonitorConfig(ApiModel):
    enabled: bool | None = None
    """Whether nodes are sampled."""
    granularity: MonitorGranularity | None = None
    """Peaks and averages, or every sample."""
    cpu: bool | None = None
    """Whether their CPU is sampled."""
    memory: bool | None = None
    """Whether their memory is sampled."""


class ResourceMonitorConfig(ApiModel):
    """Sampling of jobs over time; peaks and CPU time are measured without it too."""

    enabled: bool | None = None
    """Whether jobs are sampled. Default: true."""
    granularity: MonitorGranularity | None = None
    """Peaks and averages, or every sample. Default: `summary`."""
    # A whole number goes over the wire as one: older clients read nothing else.
    sample_interval_seconds: Annotated[int | float, Field(union_mode="left_to_right")] | None = Field(
        default=None, gt=0
    )
    """Seconds between two samples. Default: 5."""
    flush_interval_seconds: int | None = None
    """Seconds of samples that a killed runner may lose. Default: 10."""
    generate_plots: bool | None = None
    """Whether plots are drawn at the end of a run."""
    jobs: JobMonitorConfig | None = None
    """The same keys for jobs alone; they win."""
    compute_node: ComputeNodeMonitorConfig | None = None
    """Sampling of whole nodes."""

    def job_granularity(self) -> MonitorGranularity | None:
        """Return how jobs are sampled, None when they are not; the settings of `jobs` win."""
        jobs = self.jobs or JobMonitorConfig()
        enabled = self.enabled if jobs.enabled is None else jobs.enabled
        return None if enabled is False else jobs.granularity or self.granularity or "summary"


class DynamicJobsConfig(ApiModel):
    max_iterations: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """How many generations of jobs one lineage may add. Default: 1000."""
