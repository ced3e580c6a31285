"""The most memory and time that a decision may give a job."""

from collections.abc import Collection
from dataclasses import dataclass

from torc_core.slurm.quantities import SlurmRequest, parse_slurm_memory, parse_slurm_walltime


@dataclass(frozen=True, slots=True)
class Ceiling:
    """An upper bound of memory (bytes) and runtime (seconds); None where no bound is known."""

    memory_bytes: int | None = None
    runtime_s: float | None = None


def find_ceiling(requests: Collection[SlurmRequest], scheduler_id: int | None) -> Ceiling:
    """Return what the job's allocation has; without one of its own, the most that any of the workflow has."""
    possible = [request for request in requests if request.scheduler_id == scheduler_id] or requests
    memory = [parse_slurm_memory(request.memory) for request in possible]
    runtime = [parse_slurm_walltime(request.walltime) for request in possible]
    return Ceiling(
        memory_bytes=max((amount for amount in memory if amount), default=None) if all(memory) else None,
        runtime_s=max((amount for amount in runtime if amount), default=None) if all(runtime) else None,
    )
