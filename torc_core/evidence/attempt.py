"""Facts about one ended attempt: its result, its evidence and its requirement together."""

from enum import StrEnum
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict

from torc_core.evidence.record import Evidence
from torc_core.jobs.status import FAILURES, JobStatus

UNSPECIFIED_REQUIREMENT: Final = "default"
"""The requirement every workflow has; its 1 MiB and one minute are placeholders, not limits."""


class Cause(StrEnum):
    """The cause that ended an attempt."""

    OOM = "oom"
    TIMEOUT = "timeout"
    NODE_FAILURE = "node_failure"
    PREEMPTED = "preempted"
    RUNNER_LOST = "runner_lost"
    """The runner ended, or was stopped, while the job ran."""
    UNKNOWN = "unknown"


INFRASTRUCTURE: Final = frozenset({Cause.NODE_FAILURE, Cause.PREEMPTED, Cause.RUNNER_LOST})
"""Causes that are not the job's fault: it is retried as it is."""


class RequirementFacts(BaseModel):
    """The resource requirement of the job now. A requirement named `default` states neither memory nor runtime."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: int
    name: str
    memory_bytes: int
    runtime_s: float
    num_cpus: int = 1
    num_gpus: int = 0
    num_nodes: int = 1

    @property
    def is_unspecified(self) -> bool:
        return self.name == UNSPECIFIED_REQUIREMENT


class PartitionLimits(BaseModel):
    """The most a job can get where it may run; None where the partition sets no limit."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    memory_bytes: int | None = None
    runtime_s: float | None = None


class EarlierAttempt(BaseModel):
    """The end of an earlier attempt of the job, in this run or one before."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    run_id: int
    attempt_id: int
    cause: Cause
    memory_limit_bytes: int | None = None
    peak_memory_bytes: int | None = None


class AttemptFacts(BaseModel):
    """All that is known about the newest attempt of a job.

    `infrastructure_faults` counts how often the job was sent back after one; `history` is in any order.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    job_id: int
    job_name: str
    status: JobStatus
    run_id: int
    attempt_id: int
    return_code: int
    exec_time_minutes: float
    requirement: RequirementFacts
    peak_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    evidence: Evidence | None = None
    infrastructure_faults: int = 0
    partition: PartitionLimits = PartitionLimits()
    history: tuple[EarlierAttempt, ...] = ()
    given_up: str | None = None
    """Who decided that this attempt was the last one, and why."""

    @property
    def has_failed(self) -> bool:
        return self.status in FAILURES

    @property
    def peak_bytes(self) -> int | None:
        """Return the highest memory use measured, in bytes."""
        measured = (self.peak_memory_bytes, self.evidence.peak_memory_bytes if self.evidence else None)
        return max((peak for peak in measured if peak is not None), default=None)

    @property
    def memory_limit_bytes(self) -> int | None:
        """Return the memory limit that the attempt ran under, in bytes; None where none was stated."""
        return _limit(
            self.evidence.memory_limit_bytes if self.evidence else None,
            self.requirement.memory_bytes,
            is_unspecified=self.requirement.is_unspecified,
        )

    @property
    def runtime_limit_s(self) -> float | None:
        """Return the seconds that the attempt was allowed; None where none were stated."""
        return _limit(
            self.evidence.runtime_limit_s if self.evidence else None,
            self.requirement.runtime_s,
            is_unspecified=self.requirement.is_unspecified,
        )


_Amount = TypeVar("_Amount", int, float)


def _limit(of_attempt: _Amount | None, configured: _Amount, *, is_unspecified: bool) -> _Amount | None:
    if is_unspecified:
        return None if of_attempt == configured else of_attempt
    return configured if of_attempt is None else of_attempt
