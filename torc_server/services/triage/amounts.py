"""How much memory or time is suggested for a group: enough for its neediest job, within what can be had."""

from collections.abc import Sequence
from typing import assert_never

from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT, AttemptFacts, PartitionLimits, RequirementFacts
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import JobStatus
from torc_core.recovery.defaults import MEMORY_MULTIPLIER, RUNTIME_MULTIPLIER
from torc_core.recovery.heuristics import (
    Raised,
    raise_memory,
    raise_runtime,
)
from torc_core.resources.duration import format_duration
from torc_core.resources.memory import format_memory
from torc_core.triage.suggestion import Suggestion
from torc_server.db.queries.triage.failures import Failure
from torc_server.services.triage.ceilings import Ceiling


def suggest_amounts(
    suggestion: Suggestion, group: Sequence[Failure], evidence: Evidence, *, ceiling: Ceiling
) -> Suggestion:
    """The suggestion with the memory or runtime of the retry it speaks of; others stay as they are."""
    if suggestion.action != "retry":
        return suggestion
    facts = _neediest(group, evidence, ceiling)
    match suggestion.class_:
        case "oom":
            memory = raise_memory(facts, multiplier=MEMORY_MULTIPLIER) if suggestion.memory_helps else None
            return _with(suggestion, memory=format_memory(memory.amount) if isinstance(memory, Raised) else None)
        case "timeout":
            runtime = raise_runtime(facts, multiplier=RUNTIME_MULTIPLIER)
            return _with(suggestion, runtime=format_duration(runtime.amount) if isinstance(runtime, Raised) else None)
        case "transient" | "permanent":
            return suggestion
        case unreachable:
            assert_never(unreachable)


def _with(suggestion: Suggestion, **amounts: str | None) -> Suggestion:
    return suggestion.model_copy(update=amounts)


def _neediest(group: Sequence[Failure], evidence: Evidence, ceiling: Ceiling) -> AttemptFacts:
    first = group[0]
    stated = [failure for failure in group if failure.requirement_name != UNSPECIFIED_REQUIREMENT] or group
    peaks = [failure.peak_memory_bytes for failure in group if failure.peak_memory_bytes is not None]
    return AttemptFacts(
        job_id=first.job_id,
        job_name=first.job_name,
        status=JobStatus.PENDING_FAILED,
        run_id=first.run_id,
        attempt_id=first.attempt_id,
        return_code=evidence.return_code,
        exec_time_minutes=first.exec_time_minutes or 0.0,
        requirement=RequirementFacts(
            id=stated[0].requirement_id,
            name=stated[0].requirement_name,
            memory_bytes=max(failure.memory_bytes for failure in stated),
            runtime_s=max(failure.runtime_s for failure in stated),
        ),
        peak_memory_bytes=max(peaks, default=None),
        evidence=evidence,
        partition=PartitionLimits(memory_bytes=ceiling.memory_bytes, runtime_s=ceiling.runtime_s),
    )
