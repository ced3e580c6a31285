"""The report of a recovery to programs: counts, jobs and changed requirements, as JSON."""

from collections import defaultdict
from typing import Self

from pydantic import BaseModel, ConfigDict

from torc_core.evidence.attempt import Cause
from torc_core.recovery.plan import NeedsDecision, RecoveryPlan, Retry, Skipped
from torc_core.recovery.sparse_model import SparseModel


class Adjustment(SparseModel):
    """One requirement cloned with new amounts for the jobs named, and for no other job that shares it."""

    resource_requirements_id: int
    job_ids: tuple[int, ...]
    job_names: tuple[str, ...]
    memory_adjusted: bool
    original_memory: str | None = None
    new_memory: str | None = None
    max_peak_memory_bytes: int | None = None
    runtime_adjusted: bool
    original_runtime: str | None = None
    new_runtime: str | None = None


class RecoveryResult(BaseModel):
    """The plan in figures. `other_failures` counts what is neither OOM nor timeout, retried or not."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    oom_fixed: int
    timeout_fixed: int
    unknown_retried: int
    infrastructure_retried: int
    other_failures: int
    jobs_to_retry: tuple[int, ...]
    adjustments: tuple[Adjustment, ...]
    skipped: tuple[Skipped, ...]
    needs_decision: tuple[NeedsDecision, ...]

    @classmethod
    def of(cls, plan: RecoveryPlan) -> Self:
        """Return the figures of a plan; what is proposed and what is done read alike."""
        everything = (*plan.retries, *plan.skipped, *plan.needs_decision)
        return cls(
            oom_fixed=plan.memory_raised,
            timeout_fixed=plan.runtime_raised,
            unknown_retried=plan.unknown_retried,
            infrastructure_retried=plan.infrastructure_retried,
            other_failures=sum(item.cause not in (Cause.OOM, Cause.TIMEOUT) for item in everything),
            jobs_to_retry=tuple(retry.job_id for retry in plan.retries),
            adjustments=group_adjustments(plan),
            skipped=plan.skipped,
            needs_decision=plan.needs_decision,
        )


def group_adjustments(plan: RecoveryPlan) -> tuple[Adjustment, ...]:
    """Return one adjustment for all jobs that go from one requirement to the same new amounts."""
    groups: defaultdict[tuple[int, int | None, int | None], list[Retry]] = defaultdict(list)
    for retry in plan.retries:
        if retry.memory_bytes is not None or retry.runtime_s is not None:
            groups[retry.resource_requirements_id, retry.memory_bytes, retry.runtime_s].append(retry)
    return tuple(_adjustment(retries) for retries in groups.values())


def _adjustment(retries: list[Retry]) -> Adjustment:
    first = retries[0]
    peaks = [retry.peak_memory_bytes for retry in retries if retry.peak_memory_bytes is not None]
    has_memory, has_runtime = first.memory is not None, first.runtime is not None
    return Adjustment(
        resource_requirements_id=first.resource_requirements_id,
        job_ids=tuple(retry.job_id for retry in retries),
        job_names=tuple(retry.job_name for retry in retries),
        memory_adjusted=has_memory,
        original_memory=first.old_memory if has_memory else None,
        new_memory=first.memory,
        max_peak_memory_bytes=max(peaks, default=None) if has_memory else None,
        runtime_adjusted=has_runtime,
        original_runtime=first.old_runtime if has_runtime else None,
        new_runtime=first.runtime,
    )
