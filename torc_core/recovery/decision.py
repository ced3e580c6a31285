"""The effect that a decision request has on one job as it is now."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from torc_core.api.failures import DEFAULT_MAX_AI_RETRIES, Action, ActorKind, ClassifiedJob, DecisionLimits
from torc_core.errors import InvalidInputError
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.jobs.status import JobStatus
from torc_core.recovery.heuristics import MOST_MEMORY_BYTES, MOST_RUNTIME_S
from torc_core.resources.duration import format_duration, parse_duration
from torc_core.resources.memory import format_memory, parse_memory
from torc_core.triage.limits import DEFAULT_MAX_RAISE, Ceiling, find_growth_ceiling


class JobFacts(NamedTuple):
    """Facts about a job, as it is now, that a decision depends on."""

    id: int
    workflow_id: int
    name: str
    status: JobStatus
    attempt_id: int
    requirement_id: int
    requirement_name: str
    memory: str
    runtime: str
    memory_bytes: int
    runtime_s: float
    scheduler_id: int | None
    peak_bytes: int | None = None
    """The most memory that any of its attempts used; None where none was measured."""
    exec_time_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRequest:
    """The action wanted for one job. `bound_to` is the (run, attempt) it was made on, None for the present one."""

    job_id: int
    action: Action
    reason: str
    memory_bytes: int | None = None
    runtime_s: float | None = None
    signature: str | None = None
    bound_to: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds of a decider.

    `max_retries` bounds the retries by agents and rules, None for people. `is_proposal`: a person decides later, who
    may do more than the proposer. `may_lower`: memory and runtime may become less than they are. `max_raise`: how many
    times the larger of request and peak a job may get, whoever decides.
    """

    max_retries: int | None
    is_proposal: bool
    may_lower: bool
    ceiling: Ceiling
    max_raise: float = DEFAULT_MAX_RAISE


class _Cap(NamedTuple):
    """An upper bound of an amount, and who sets it, as the end of a sentence."""

    value: float
    why: str


@dataclass(frozen=True, slots=True)
class _Amount:
    """A new amount, None for no change, or the reason why it is refused; `note` explains what was changed."""

    value: float | None = None
    refusal: str | None = None
    note: str | None = None


_UNCHANGED: Final = _Amount()


def bounds_of(
    limits: DecisionLimits, decider: ActorKind, *, is_proposal: bool = False, max_raise: float = DEFAULT_MAX_RAISE
) -> Bounds:
    """Return the bounds of a decider under these limits. Raises InvalidInputError for senseless amounts."""
    is_person = decider == "person"
    wanted = DEFAULT_MAX_AI_RETRIES if limits.max_ai_retries is None else limits.max_ai_retries
    return Bounds(
        max_retries=None if is_person else wanted,
        is_proposal=is_proposal,
        may_lower=is_person,
        ceiling=Ceiling(
            memory_bytes=read_memory(limits.max_memory, "limits.max_memory"),
            runtime_s=read_runtime(limits.max_runtime, "limits.max_runtime"),
        ),
        max_raise=max_raise,
    )


def read_memory(text: str | None, place: str) -> int | None:
    """Return bytes. Raises InvalidInputError that names the `place` of the text in the request."""
    return None if text is None else int(_check_amount(parse_memory(text), place, text, MOST_MEMORY_BYTES))


def read_runtime(text: str | None, place: str) -> float | None:
    """Return seconds. Raises InvalidInputError that names the `place` of the text in the request."""
    return None if text is None else _check_amount(parse_duration(text), place, text, MOST_RUNTIME_S)


def plan_decision(
    request: DecisionRequest,
    job: JobFacts,
    *,
    workflow_id: int,
    run_id: int,
    retries: int,
    bounds: Bounds,
    allocation: Ceiling,
    machine: Ceiling | None = None,
) -> ClassifiedJob:
    """Return what the request would do to the job, or why the job is skipped. Changes nothing.

    `retries` is how often agents and rules sent the job back since a person last decided, `allocation` what the
    job's allocation has, `machine` what the largest runner of the workflow has; None where none was seen.
    """
    planned = ClassifiedJob(
        job_id=job.id,
        job_name=job.name,
        run_id=run_id,
        attempt_id=job.attempt_id,
        signature=request.signature,
        action=request.action,
        reason=request.reason,
        status="would_apply",
    )
    refusal = _why_not_applicable(request, job, workflow_id=workflow_id, run_id=run_id)
    if refusal is not None or request.action == "fail":
        return _skip(planned, refusal) if refusal else planned
    limit = bounds.max_retries
    if limit is None or retries < limit:
        return _with_amounts(planned, request, job, bounds=bounds, allocation=allocation, machine=machine)
    if not bounds.is_proposal:
        return _skip(planned, why_at_limit(retries, limit))
    proposed = _with_amounts(planned, request, job, bounds=bounds, allocation=allocation, machine=machine)
    note = f"{_describe_retries(retries, limit)}: it takes a person's approval"
    proposed.detail = f"{proposed.detail}; {note}" if proposed.detail else note
    return proposed


def why_at_limit(retries: int, limit: int) -> str:
    """Return the reason why only a person may send the job back once more."""
    return f"{_describe_retries(retries, limit)}: a person has to decide"


def _describe_retries(retries: int, limit: int) -> str:
    match retries:
        case 0:
            so_far = "agents and rules may not send it back"
        case 1:
            so_far = "agents and rules sent it back once already"
        case _:
            so_far = f"agents and rules sent it back {retries} times already"
    return f"{so_far}, the limit is {limit}"


def _why_not_applicable(request: DecisionRequest, job: JobFacts, *, workflow_id: int, run_id: int) -> str | None:
    if job.workflow_id != workflow_id:
        return f"it is of workflow {job.workflow_id}"
    if request.bound_to not in (None, (run_id, job.attempt_id)):
        return f"it moved on: it is {job.status} in run {run_id}, attempt {job.attempt_id}"
    if job.status is not JobStatus.PENDING_FAILED:
        return f"it is {job.status}, not pending_failed"
    return None


def _with_amounts(
    planned: ClassifiedJob,
    request: DecisionRequest,
    job: JobFacts,
    *,
    bounds: Bounds,
    allocation: Ceiling,
    machine: Ceiling | None,
) -> ClassifiedJob:
    is_stated = job.requirement_name != UNSPECIFIED_REQUIREMENT
    memory_bytes, runtime_s = (job.memory_bytes, job.runtime_s) if is_stated else (0, 0.0)
    growth = find_growth_ceiling(
        memory_bytes=memory_bytes,
        peak_bytes=job.peak_bytes,
        runtime_s=runtime_s,
        exec_time_s=job.exec_time_s,
        factor=bounds.max_raise,
    )
    caps = (
        (bounds.ceiling, "the limit of this decision"),
        (allocation, "what its allocation has"),
        (machine or Ceiling(), "what the largest runner of the workflow has"),
        (growth, f"{bounds.max_raise:g} times its request or what it used, the most that is allowed"),
    )
    memory = _choose(
        request.memory_bytes,
        memory_bytes,
        _lowest((each.memory_bytes, why) for each, why in caps),
        may_lower=bounds.may_lower,
        what="memory",
    )
    runtime = _choose(
        request.runtime_s,
        runtime_s,
        _lowest((each.runtime_s, why) for each, why in caps),
        may_lower=bounds.may_lower,
        what="runtime",
    )
    refusals = [amount.refusal for amount in (memory, runtime) if amount.refusal]
    if refusals:
        return _skip(planned, "; ".join(refusals))
    notes = [amount.note for amount in (memory, runtime) if amount.note]
    planned.memory = None if memory.value is None else format_memory(int(memory.value))
    planned.runtime = None if runtime.value is None else format_duration(runtime.value)
    planned.old_memory = job.memory if planned.memory else None
    planned.old_runtime = job.runtime if planned.runtime else None
    planned.detail = "; ".join(notes) or None
    return planned


def _choose(wanted: float | None, old: float, cap: _Cap | None, *, may_lower: bool, what: str) -> _Amount:
    """Return the amount that the job gets: `wanted`, cut to the cap. `old` 0 means that no limit was stated."""
    if wanted is None or wanted == old:
        return _UNCHANGED
    if wanted < old:
        change = f"{_text(what, wanted)} is less {what} than its present {_text(what, old)}"
        return _Amount(value=wanted, note=change) if may_lower else _Amount(refusal=change)
    if cap is None or wanted <= cap.value:
        return _Amount(value=wanted)
    if cap.value <= old:
        most = f"it may get {_text(what, cap.value)} at most, {cap.why}"
        return _Amount(refusal=f"its {what} {_text(what, old)} cannot be raised: {most}")
    cut = f"{what} {_text(what, wanted)} was cut to {_text(what, cap.value)}, {cap.why}"
    return _Amount(value=cap.value, note=cut)


def _text(what: str, amount: float) -> str:
    return format_memory(int(amount)) if what == "memory" else format_duration(amount)


def _lowest(caps: Iterable[tuple[float | None, str]]) -> _Cap | None:
    return min((_Cap(value, why) for value, why in caps if value is not None), default=None)


def _skip(planned: ClassifiedJob, why: str) -> ClassifiedJob:
    planned.status, planned.detail = "skipped", why
    return planned


def _check_amount(amount: float, place: str, text: str, most: float) -> float:
    if not 0 < amount <= most:
        raise InvalidInputError(f"{place} is {text!r}", hint="name an amount above zero that a machine can have")
    return amount
