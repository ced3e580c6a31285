"""Plans what a recovery does with each failed job, before anything is changed."""

import math
from collections.abc import Collection, Sequence
from typing import Final, Literal, Self, assert_never

from pydantic import BaseModel, ConfigDict, model_validator

from torc_core.errors import InvalidInputError
from torc_core.evidence.attempt import INFRASTRUCTURE, AttemptFacts, Cause
from torc_core.jobs.lifecycle import may_go_back
from torc_core.jobs.status import JobStatus
from torc_core.recovery.defaults import MEMORY_MULTIPLIER, RUNTIME_MULTIPLIER
from torc_core.recovery.diagnosis import Diagnosis
from torc_core.recovery.heuristics import (
    Capped,
    check_multiplier,
    is_not_helped_by_memory,
    raise_memory,
    raise_runtime,
)
from torc_core.resources.duration import format_duration
from torc_core.resources.memory import format_memory

RECOVERY_HOOK_VARIABLE: Final = "TORC_RECOVERY_HOOK"
"""Set in the environment of recovery hooks; there `torc jobs list --status failed` shows every job it may repair."""

WhySkipped = Literal["unknown", "capped", "not_helped", "infrastructure_limit", "not_failed", "decided"]


class RecoverOptions(BaseModel):
    """The user's options. A `recovery_hook` implies `retry_unknown`. Raises InvalidInputError for senseless values."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    memory_multiplier: float = MEMORY_MULTIPLIER
    runtime_multiplier: float = RUNTIME_MULTIPLIER
    retry_unknown: bool = False
    recovery_hook: str | None = None
    max_memory_bytes: int | None = None
    max_runtime_s: float | None = None
    foresight: bool = False
    """Raise, too, what waits and whose started siblings lacked memory or time."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_multiplier("memory multiplier", self.memory_multiplier)
        check_multiplier("runtime multiplier", self.runtime_multiplier)
        for name, cap in (("memory", self.max_memory_bytes), ("runtime", self.max_runtime_s)):
            if cap is not None and not (math.isfinite(cap) and cap > 0):
                raise InvalidInputError(f"the most {name} a job may get is {cap}", hint="use an amount above 0")
        return self

    @property
    def takes_unknown(self) -> bool:
        return self.retry_unknown or self.recovery_hook is not None


class _Planned(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)

    job_id: int
    job_name: str
    cause: Cause
    reason: str


class Retry(_Planned):
    """A job that is tried again. `run_id` and `attempt_id` name the failed attempt.

    `memory_bytes` and `runtime_s` are the new amounts, None where nothing changes.
    """

    run_id: int
    attempt_id: int
    resource_requirements_id: int
    old_memory_bytes: int
    old_runtime_s: float
    memory_bytes: int | None = None
    runtime_s: int | None = None
    peak_memory_bytes: int | None = None
    states_no_limits: bool = False
    """The old amounts are placeholders."""

    @property
    def memory(self) -> str | None:
        return None if self.memory_bytes is None else format_memory(self.memory_bytes)

    @property
    def runtime(self) -> str | None:
        return None if self.runtime_s is None else format_duration(self.runtime_s)

    @property
    def old_memory(self) -> str:
        return format_memory(self.old_memory_bytes)

    @property
    def old_runtime(self) -> str:
        return format_duration(self.old_runtime_s)

    @property
    def is_infrastructure_fault(self) -> bool:
        return self.cause in INFRASTRUCTURE


class Skipped(_Planned):
    """A job that stays as it is."""

    why: WhySkipped


class NeedsDecision(_Planned):
    """A pending_failed job whose cause is unknown: somebody has to decide retry or fail."""


class RecoveryPlan(BaseModel):
    """The plan of a recovery; every failed job is in exactly one of the three lists."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    retries: tuple[Retry, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    needs_decision: tuple[NeedsDecision, ...] = ()
    recovery_hook: str | None = None
    """Command to run before the reset; None when no job needs it."""

    was_asked: bool = False
    """An agent was asked about the unknown failures; those that it left were listed then, and are not listed again."""

    def after_asking(self, decided: Collection[int] = ()) -> Self:
        """Return the plan without the jobs that an agent decided about."""
        left = tuple(skipped for skipped in self.skipped if skipped.job_id not in decided)
        return self.model_copy(update={"was_asked": True, "skipped": left})

    @property
    def memory_raised(self) -> int:
        return sum(retry.memory_bytes is not None for retry in self.retries)

    @property
    def runtime_raised(self) -> int:
        return sum(retry.runtime_s is not None for retry in self.retries)

    @property
    def unknown_retried(self) -> int:
        return self.retried(Cause.UNKNOWN)

    @property
    def infrastructure_retried(self) -> int:
        return self.retried(*INFRASTRUCTURE)

    @property
    def unknown_left(self) -> int:
        """Return the jobs with an unknown cause that this plan does not retry, and that nobody was asked about."""
        return (0 if self.was_asked else len(self.needs_decision)) + sum(
            skipped.why == "unknown" for skipped in self.skipped
        )

    def retried(self, *causes: Cause) -> int:
        """Return how many jobs are retried after one of these causes."""
        return sum(retry.cause in causes for retry in self.retries)


def make_plan(diagnoses: Sequence[Diagnosis], options: RecoverOptions) -> RecoveryPlan:
    """Return what to do with each diagnosed job; the order is kept, nothing is changed."""
    planned = [_plan_job(diagnosis, options) for diagnosis in diagnoses]
    retries = tuple(item for item in planned if isinstance(item, Retry))
    has_unknown = any(retry.cause is Cause.UNKNOWN for retry in retries)
    return RecoveryPlan(
        retries=retries,
        skipped=tuple(item for item in planned if isinstance(item, Skipped)),
        needs_decision=tuple(item for item in planned if isinstance(item, NeedsDecision)),
        recovery_hook=options.recovery_hook if has_unknown else None,
    )


def _plan_job(diagnosis: Diagnosis, options: RecoverOptions) -> Retry | Skipped | NeedsDecision:
    facts = diagnosis.facts
    if not facts.has_failed:
        return _skip(diagnosis, "not_failed", f"It is {facts.status}, not failed.")
    if facts.given_up is not None:
        return _skip(diagnosis, "decided", facts.given_up)
    match diagnosis.cause:
        case Cause.OOM:
            return _plan_oom(diagnosis, options)
        case Cause.TIMEOUT:
            return _plan_timeout(diagnosis, options)
        case Cause.NODE_FAILURE | Cause.PREEMPTED | Cause.RUNNER_LOST:
            return _plan_infrastructure_fault(diagnosis)
        case Cause.UNKNOWN:
            return _plan_unknown(diagnosis, options)
        case unreachable:
            assert_never(unreachable)


def _plan_oom(diagnosis: Diagnosis, options: RecoverOptions) -> Retry | Skipped:
    facts = diagnosis.facts
    if is_not_helped_by_memory(facts):
        reason = "It ran out of memory again after two raises, using no more than before."
        return _skip(diagnosis, "not_helped", reason)
    new = raise_memory(facts, multiplier=options.memory_multiplier, most_bytes=options.max_memory_bytes)
    if isinstance(new, Capped):
        return _skip(diagnosis, "capped", _why_capped(facts, new))
    return _retry(diagnosis, memory_bytes=new.amount if new else None)


def _why_capped(facts: AttemptFacts, capped: Capped) -> str:
    most, peak = format_memory(capped.cap), facts.peak_bytes
    if peak is not None and peak > capped.cap > facts.requirement.memory_bytes:
        return f"It used {format_memory(peak)} of memory and may get {most}."
    return f"Its memory {format_memory(facts.requirement.memory_bytes)} cannot be raised: it may get {most}."


def _plan_timeout(diagnosis: Diagnosis, options: RecoverOptions) -> Retry | Skipped:
    facts = diagnosis.facts
    new = raise_runtime(facts, multiplier=options.runtime_multiplier, most_s=options.max_runtime_s)
    if isinstance(new, Capped):
        now = format_duration(facts.requirement.runtime_s)
        return _skip(diagnosis, "capped", f"Its runtime {now} cannot be raised: it may get {format_duration(new.cap)}.")
    return _retry(diagnosis, runtime_s=new.amount if new else None)


def _plan_infrastructure_fault(diagnosis: Diagnosis) -> Retry | Skipped:
    faults = diagnosis.facts.infrastructure_faults
    if may_go_back(faults):
        return _retry(diagnosis)
    return _skip(diagnosis, "infrastructure_limit", f"{diagnosis.reason} It was sent back {faults} times already.")


def _plan_unknown(diagnosis: Diagnosis, options: RecoverOptions) -> Retry | Skipped | NeedsDecision:
    facts = diagnosis.facts
    if options.takes_unknown:
        return _retry(diagnosis)
    if facts.status is not JobStatus.PENDING_FAILED:
        return _skip(diagnosis, "unknown", diagnosis.reason)
    return NeedsDecision(job_id=facts.job_id, job_name=facts.job_name, cause=diagnosis.cause, reason=diagnosis.reason)


def _skip(diagnosis: Diagnosis, why: WhySkipped, reason: str) -> Skipped:
    facts = diagnosis.facts
    return Skipped(job_id=facts.job_id, job_name=facts.job_name, cause=diagnosis.cause, why=why, reason=reason)


def _retry(diagnosis: Diagnosis, *, memory_bytes: int | None = None, runtime_s: int | None = None) -> Retry:
    facts = diagnosis.facts
    return Retry(
        job_id=facts.job_id,
        job_name=facts.job_name,
        cause=diagnosis.cause,
        reason=diagnosis.reason,
        run_id=facts.run_id,
        attempt_id=facts.attempt_id,
        resource_requirements_id=facts.requirement.id,
        old_memory_bytes=facts.requirement.memory_bytes,
        old_runtime_s=facts.requirement.runtime_s,
        memory_bytes=memory_bytes,
        runtime_s=runtime_s,
        peak_memory_bytes=facts.peak_bytes,
        states_no_limits=facts.requirement.is_unspecified,
    )
