"""One attempt of one job, from its claim to its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runner.base.ledger import Grant, Need
from torc_core.api.jobs import JobModel
from torc_core.evidence.record import RunnerVerdict
from torc_core.jobs.status import JobStatus


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job this runner holds, not started yet; `since` on the monotonic clock."""

    job_id: int
    attempt_id: int
    model: JobModel
    need: Need
    since: float


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """The files of an attempt's output; equal paths: one file for both. `stem` as in `log_files`."""

    stem: str
    stdout: str | None
    stderr: str | None
    delete_on_success: bool = False


class StopReason(StrEnum):
    """The reason for which the runner itself ended an attempt."""

    MEMORY = "memory"
    RUNTIME = "runtime"
    LEAVING = "leaving"
    """The runner was interrupted, its time was up, or the workflow was canceled."""
    FORGOTTEN = "forgotten"
    """The server does not want it any more; nothing is reported."""


@dataclass(slots=True)
class Samples:
    """Measurements over the whole process tree while it ran; CPU in percent of one core."""

    count: int = 0
    memory_total: int = 0
    peak_memory_bytes: int = 0
    peak_cpu_percent: float | None = None
    cpu_time_s: float = 0.0
    at: float = 0.0

    def add(self, *, memory_bytes: int, cpu_time_s: float, cpu_percent: float, at: float) -> None:
        self.peak_cpu_percent = max(self.peak_cpu_percent or 0.0, cpu_percent)
        self.count += 1
        self.memory_total += memory_bytes
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory_bytes)
        self.cpu_time_s, self.at = cpu_time_s, at

    @property
    def average_memory_bytes(self) -> int | None:
        return self.memory_total // self.count if self.count else None


@dataclass(slots=True)
class Attempt:
    """A started attempt; `started_at` on the monotonic clock. `key` is its name towards the launcher."""

    key: int
    claim: ClaimedJob
    grant: Grant
    files: OutputFiles
    started_at: float
    pid: int | None = None
    stop: StopReason | None = None
    oom_kills_before: int = 0
    """Unexplained kills for memory when it began; see runner/process/oom.py."""
    samples: Samples = field(default_factory=Samples)

    @property
    def label(self) -> str:
        return f"job {self.claim.job_id} ({self.claim.model.name}) attempt {self.claim.attempt_id}"


@dataclass(slots=True)
class AttemptEnd:
    """The end of an attempt. `return_code` 128 + N: killed by signal N. `error` when it never started."""

    attempt: Attempt
    return_code: int
    ended_at: datetime
    duration_s: float
    signal: int | None = None
    cpu_time_s: float = 0.0
    peak_memory_bytes: int = 0
    status: JobStatus = JobStatus.FAILED
    verdict: RunnerVerdict | None = None
    missing_files: tuple[str, ...] = ()
    output_mtimes: Mapping[int, float] = field(default_factory=dict)
    """By file id, of the declared output files that exist."""
    error: str | None = None
    max_retries: int | None = None
    """Set when a rule allows another attempt."""
    recovery_script_error: str | None = None
    """How the script failed that would have allowed another attempt."""
    unmatched: bool = False
    """Set when no rule decided."""
    infrastructure_fault: bool = False
    """The job is not to blame and may be tried again."""
    pause_s: float = 0.0
    """Seconds to wait before it is reported, and may be tried again: nothing can be started at present."""
    failed_nodes: tuple[str, ...] = ()
    """Nodes of the allocation on which nothing can be started any more."""
