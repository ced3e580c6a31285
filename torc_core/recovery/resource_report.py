"""The resource report: which jobs used more than they asked for, and whether that ended them."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from torc_core.evidence.attempt import AttemptFacts, Cause
from torc_core.recovery.diagnosis import Diagnosis
from torc_core.recovery.foresight import ForeseenLess, Sibling, foresee_less
from torc_core.recovery.sparse_model import SparseModel
from torc_core.resources.duration import describe_duration, format_duration
from torc_core.resources.memory import describe_memory, format_memory

MIN_OVER_UTILIZATION_PERCENT: Final = 1.0
"""Smaller excesses are measuring noise and get no row."""

UNSPECIFIED: Final = "unspecified"
"""Shown in place of an amount that was not stated; the record holds a placeholder."""

ResourceType = Literal["Memory", "CPU", "Runtime"]
OomReason = Literal["memory_exceeded", "sigkill_137"]
TimeoutReason = Literal["sigxcpu_152"]
Flag = Literal[True] | None
"""True, or left out of the JSON."""


class OverUtilization(BaseModel):
    """One resource of one job; `over_utilization` is `+31.3%`, or `-12.0%` for one that stayed below."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    job_id: int
    job_name: str
    resource_type: ResourceType
    specified: str
    peak_used: str
    over_utilization: str


class ResourceViolation(SparseModel):
    """One failed job: what the attempt ran under, what it used, and which of the two ended it."""

    job_id: int
    job_name: str
    return_code: int
    exec_time_minutes: float
    configured_memory: str
    configured_runtime: str
    configured_cpus: int
    peak_memory_bytes: int | None = None
    peak_memory_formatted: str | None = None
    likely_oom: Flag = None
    oom_reason: OomReason | None = None
    memory_over_utilization: str | None = None
    likely_timeout: Flag = None
    timeout_reason: TimeoutReason | None = None
    runtime_utilization: str | None = None
    likely_cpu_violation: Flag = None
    peak_cpu_percent: float | None = None
    likely_runtime_violation: Flag = None
    cause: Cause
    reason: str
    confidence: float


class UtilizationReport(SparseModel):
    """The whole answer; valid, with empty lists, for a workflow without any result."""

    workflow_id: int
    run_id: int | None = None
    total_results: int
    over_utilization_count: int
    violations: tuple[OverUtilization, ...] = ()
    resource_violations_count: int
    resource_violations: tuple[ResourceViolation, ...] = ()
    less_would_do: tuple[ForeseenLess, ...] | None = None
    """Siblings that use a fraction of what they ask for; left out where there are none."""


def report_utilization(
    workflow_id: int,
    *,
    completed: Sequence[AttemptFacts],
    failures: Sequence[Diagnosis] = (),
    siblings: Sequence[Sibling] = (),
    run_id: int | None = None,
    show_all: bool = False,
    min_over_utilization_percent: float = MIN_OVER_UTILIZATION_PERCENT,
) -> UtilizationReport:
    """Return the report over completed attempts and, where asked for, failed ones.

    `run_id` is named when the report is about one run. `show_all` also lists what stayed within its request.
    """
    attempts = [*completed, *(diagnosis.facts for diagnosis in failures)]
    uses = [use for facts in attempts for use in _uses(facts)]
    over = [use for use in uses if use.percent > min_over_utilization_percent]
    return UtilizationReport(
        workflow_id=workflow_id,
        run_id=run_id,
        total_results=len(attempts),
        over_utilization_count=len(over),
        violations=tuple(use.row for use in (uses if show_all else over)),
        resource_violations_count=len(failures),
        resource_violations=tuple(_violation(diagnosis) for diagnosis in failures),
        less_would_do=foresee_less(completed, siblings) or None,
    )


class _Use(NamedTuple):
    row: OverUtilization
    percent: float


def _uses(facts: AttemptFacts) -> Iterator[_Use]:
    limit, peak = facts.memory_limit_bytes, facts.peak_bytes
    if limit and peak is not None:
        yield _use(facts, "Memory", describe_memory(limit), describe_memory(peak), share=peak / limit)
    cpus, peak_percent = facts.requirement.num_cpus, facts.peak_cpu_percent
    if cpus and peak_percent is not None and not facts.requirement.is_unspecified:
        yield _use(facts, "CPU", describe_cpus(cpus), f"{peak_percent:.1f}%", share=peak_percent / (100 * cpus))
    limit_s, runtime_s = facts.runtime_limit_s, facts.exec_time_minutes * 60
    if limit_s:
        yield _use(
            facts, "Runtime", describe_duration(limit_s), describe_duration(runtime_s), share=runtime_s / limit_s
        )


def _use(facts: AttemptFacts, resource: ResourceType, specified: str, used: str, *, share: float) -> _Use:
    row = OverUtilization(
        job_id=facts.job_id,
        job_name=facts.job_name,
        resource_type=resource,
        specified=specified,
        peak_used=used,
        over_utilization=describe_excess(share),
    )
    return _Use(row=row, percent=(share - 1) * 100)


def _violation(diagnosis: Diagnosis) -> ResourceViolation:
    facts, cause = diagnosis.facts, diagnosis.cause
    requirement, peak, limit = facts.requirement, facts.peak_bytes, facts.memory_limit_bytes
    cpus, runtime_limit_s = facts.peak_cpu_percent, facts.runtime_limit_s
    runtime_share = facts.exec_time_minutes * 60 / runtime_limit_s if runtime_limit_s else None
    is_late = runtime_share is not None and runtime_share > 1
    return ResourceViolation(
        job_id=facts.job_id,
        job_name=facts.job_name,
        return_code=facts.return_code,
        exec_time_minutes=facts.exec_time_minutes,
        configured_memory=UNSPECIFIED if requirement.is_unspecified else format_memory(limit or 0),
        configured_runtime=UNSPECIFIED if requirement.is_unspecified else format_duration(runtime_limit_s or 0),
        configured_cpus=requirement.num_cpus,
        peak_memory_bytes=peak,
        peak_memory_formatted=None if peak is None else describe_memory(peak),
        likely_oom=_flag(cause is Cause.OOM),
        oom_reason=_oom_reason(diagnosis),
        memory_over_utilization=describe_excess(peak / limit) if peak and limit and peak > limit else None,
        likely_timeout=_flag(cause is Cause.TIMEOUT),
        timeout_reason="sigxcpu_152" if cause is Cause.TIMEOUT else None,
        runtime_utilization=(
            f"{runtime_share:.1%}" if runtime_share is not None and (is_late or cause is Cause.TIMEOUT) else None
        ),
        likely_cpu_violation=_flag(
            cpus is not None and not requirement.is_unspecified and 0 < 100 * requirement.num_cpus < cpus
        ),
        peak_cpu_percent=cpus,
        likely_runtime_violation=_flag(is_late),
        cause=cause,
        reason=diagnosis.reason,
        confidence=diagnosis.confidence,
    )


def _oom_reason(diagnosis: Diagnosis) -> OomReason | None:
    """Return whether memory was known from exit code 137 alone or from a measured excess."""
    if diagnosis.cause is not Cause.OOM:
        return None
    return "sigkill_137" if diagnosis.basis == "sigkill_137" else "memory_exceeded"


def describe_excess(share: float) -> str:
    """Return how far a use is above or below the request: 1.313 gives `+31.3%`."""
    percent = Decimal((share - 1) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    # adding zero makes 0.0 of -0.0
    return f"{percent + 0:+}%"


def describe_cpus(num_cpus: int) -> str:
    """Return `400% (4 cores)`."""
    return f"{num_cpus * 100}% ({num_cpus} core{'' if num_cpus == 1 else 's'})"


def _flag(value: bool) -> Flag:
    return True if value else None
