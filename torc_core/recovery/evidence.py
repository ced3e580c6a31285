"""The record of one failed attempt, small enough to travel and complete enough to judge by."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

MAX_EVIDENCE_BYTES: Final = 16 * 1024
"""Upper bound of an evidence record as UTF-8 JSON."""

RunnerVerdict = Literal["oom", "timeout", "terminated", "missing_output", "spawn_failed", "lost"]
"""What the runner itself knows about the end, without reading any text: it killed the job for memory or for
time, stopped it on its own way out, missed a declared output, could not start it, or was itself lost."""


class SchedulerFacts(BaseModel):
    """What the scheduler says about the allocation or step (Slurm: `sacct` State, Reason, ExitCode)."""

    model_config = ConfigDict(frozen=True)

    type: str
    job_id: str | None = None
    state: str | None = None
    reason: str | None = None
    exit_code: str | None = None


class Evidence(BaseModel):
    """Facts and texts of one failed attempt. All texts are untrusted data, already cleaned and bounded."""

    model_config = ConfigDict(frozen=True)

    return_code: int
    signal: int | None = None
    verdict: RunnerVerdict | None = None
    missing_output_files: tuple[str, ...] = ()
    peak_memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    runtime_s: float | None = None
    runtime_limit_s: float | None = None
    node: str | None = None
    scheduler: SchedulerFacts | None = None
    stderr_excerpt: str = ""
    """Lines around the first fatal message of stderr, when that stands above the tail; else empty."""
    stderr_tail: str = ""
    stdout_tail: str = ""
    """Kept only when stderr says nothing: some programs report errors on stdout."""
    truncated: bool = False
