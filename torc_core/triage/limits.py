"""The most memory and time that a decision may give a job."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Ceiling:
    """An upper bound of memory (bytes) and runtime (seconds); None where no bound is known."""

    memory_bytes: int | None = None
    runtime_s: float | None = None


class AllocationLimits(NamedTuple):
    """The limits of allocations of one scheduler configuration; None where it states none."""

    scheduler_id: int
    memory_bytes: int | None
    runtime_s: float | None


def find_ceiling(allocations: Collection[AllocationLimits], scheduler_id: int | None) -> Ceiling:
    """Return what the job's allocation has; without one of its own, the most that any of the workflow has."""
    possible = [limits for limits in allocations if limits.scheduler_id == scheduler_id] or allocations
    memory = [limits.memory_bytes for limits in possible]
    runtime = [limits.runtime_s for limits in possible]
    return Ceiling(
        memory_bytes=max((amount for amount in memory if amount), default=None) if all(memory) else None,
        runtime_s=max((amount for amount in runtime if amount), default=None) if all(runtime) else None,
    )
