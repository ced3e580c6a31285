"""The most memory and time that a decision may give a job."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

DEFAULT_MAX_RAISE: Final = 4.0
"""How many times the larger of its request and its peak a decision may give a job, whoever decides."""


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


def find_growth_ceiling(
    *, memory_bytes: int, peak_bytes: int | None, runtime_s: float, exec_time_s: float | None, factor: float
) -> Ceiling:
    """Return `factor` times the larger of what the job asked for and what it used.

    `memory_bytes` and `runtime_s` are 0 where the job stated none: what it used says little about what it needs then,
    and only its machine bounds it.
    """
    return Ceiling(
        memory_bytes=int(factor * max(memory_bytes, peak_bytes or 0)) if memory_bytes else None,
        runtime_s=factor * max(runtime_s, exec_time_s or 0.0) if runtime_s else None,
    )
