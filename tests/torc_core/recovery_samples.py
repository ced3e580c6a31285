"""Failed attempts to try recovery on."""

from typing import Any

from torc_core.evidence.attempt import AttemptFacts, PartitionLimits, RequirementFacts
from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.jobs.status import JobStatus

GIB = 1 << 30
MIB = 1 << 20
HOUR_MINUTES = 60.0

UNSPECIFIED = RequirementFacts(id=1, name="default", memory_bytes=MIB, runtime_s=60)


def requirement(memory_bytes: int = 8 * GIB, runtime_s: float = 3600, **changes: Any) -> RequirementFacts:
    return RequirementFacts(**({"id": 7, "name": "large", "num_cpus": 4} | changes), memory_bytes=memory_bytes,
                            runtime_s=runtime_s)  # fmt: skip


def attempt(return_code: int = 1, **changes: Any) -> AttemptFacts:
    """A job of 8 GiB and one hour that failed after ten minutes."""
    fields: dict[str, Any] = {
        "job_id": 107,
        "job_name": "train_model",
        "status": JobStatus.FAILED,
        "run_id": 1,
        "attempt_id": 1,
        "exec_time_minutes": 10.0,
        "requirement": requirement(),
    }
    return AttemptFacts(return_code=return_code, **(fields | changes))


def evidence(return_code: int = 1, **changes: Any) -> Evidence:
    return Evidence(return_code=return_code, **changes)


def slurm(state: str) -> SchedulerFacts:
    return SchedulerFacts(type="slurm", job_id="4711", state=state)


def oom(job_id: int = 107, job_name: str = "train_model", **changes: Any) -> AttemptFacts:
    return attempt(137, job_id=job_id, job_name=job_name, **changes)


def timeout(**changes: Any) -> AttemptFacts:
    return attempt(152, exec_time_minutes=60.0, **changes)


def partition(memory_bytes: int | None = None, runtime_s: float | None = None) -> PartitionLimits:
    return PartitionLimits(memory_bytes=memory_bytes, runtime_s=runtime_s)
