"""Corrects requirements to what their jobs used."""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torc_core.evidence.attempt import AttemptFacts, Cause, RequirementFacts
from torc_core.recovery.diagnosis import Diagnosis
from torc_core.recovery.heuristics import check_multiplier
from torc_core.recovery.sparse_model import SparseModel
from torc_core.resources.duration import format_duration
from torc_core.resources.memory import format_memory, round_up_memory

CORRECTION_MULTIPLIER: Final = 1.2
_LEAST_MEMORY_BYTES: Final = 1 << 20
_LEAST_RUNTIME_S: Final = 60.0

Direction = Literal["upscale", "downscale"]


@dataclass(frozen=True, kw_only=True)
class CorrectionOptions:
    """Room above the use that was measured. Raises InvalidInputError for a multiplier of 1 or less."""

    memory_multiplier: float = CORRECTION_MULTIPLIER
    runtime_multiplier: float = CORRECTION_MULTIPLIER
    cpu_multiplier: float = CORRECTION_MULTIPLIER
    downsizes: bool = True
    job_ids: Collection[int] = ()
    """Correct only the requirements of these jobs; empty means all."""

    def __post_init__(self) -> None:
        check_multiplier("memory multiplier", self.memory_multiplier)
        check_multiplier("runtime multiplier", self.runtime_multiplier)
        check_multiplier("CPU multiplier", self.cpu_multiplier)


class Correction(SparseModel):
    """One requirement, changed for all its jobs."""

    resource_requirements_id: int
    name: str
    job_ids: tuple[int, ...]
    """The jobs whose use was measured."""
    direction: Direction
    memory_adjusted: bool = False
    original_memory: str | None = None
    new_memory: str | None = None
    max_peak_memory_bytes: int | None = None
    runtime_adjusted: bool = False
    original_runtime: str | None = None
    new_runtime: str | None = None
    cpu_adjusted: bool = False
    original_cpus: int | None = None
    new_cpus: int | None = None
    max_peak_cpu_percent: float | None = None


def plan_corrections(attempts: Sequence[Diagnosis], options: CorrectionOptions) -> tuple[Correction, ...]:
    """Return what to change. A requirement is lowered only where all its jobs completed; `default` never changes."""
    groups: defaultdict[int, list[Diagnosis]] = defaultdict(list)
    for attempt in attempts:
        if not attempt.facts.requirement.is_unspecified:
            groups[attempt.facts.requirement.id].append(attempt)
    wanted = set(options.job_ids)
    chosen = [group for group in groups.values() if not wanted or any(each.facts.job_id in wanted for each in group)]
    return tuple(found for group in chosen if (found := _correct(group, options)) is not None)


def _correct(group: list[Diagnosis], options: CorrectionOptions) -> Correction | None:
    facts = [each.facts for each in group]
    now = facts[0].requirement
    may_lower = options.downsizes and not any(each.has_failed for each in facts)
    memory = _pick(now.memory_bytes, _memory(group, now, options), may_lower=may_lower)
    runtime = _pick(math.ceil(now.runtime_s), _runtime(group, now, options), may_lower=may_lower)
    cpus = _pick(now.num_cpus, _cpus(facts, options), may_lower=may_lower)
    if memory is None and runtime is None and cpus is None:
        return None
    is_up = any(new is not None and new > old for new, old in (
        (memory, now.memory_bytes), (runtime, now.runtime_s), (cpus, now.num_cpus)
    ))  # fmt: skip
    return Correction(
        resource_requirements_id=now.id,
        name=now.name,
        job_ids=tuple(each.job_id for each in facts),
        direction="upscale" if is_up else "downscale",
        memory_adjusted=memory is not None,
        original_memory=None if memory is None else format_memory(now.memory_bytes),
        new_memory=None if memory is None else format_memory(memory),
        max_peak_memory_bytes=None if memory is None else _highest_peak(facts),
        runtime_adjusted=runtime is not None,
        original_runtime=None if runtime is None else format_duration(now.runtime_s),
        new_runtime=None if runtime is None else format_duration(runtime),
        cpu_adjusted=cpus is not None,
        original_cpus=None if cpus is None else now.num_cpus,
        new_cpus=cpus,
        max_peak_cpu_percent=None if cpus is None else max(each.peak_cpu_percent or 0.0 for each in facts),
    )


def _pick(now: int, wanted: int | None, *, may_lower: bool) -> int | None:
    """Return the new amount, None where it stays; 0 means that there is no limit to correct."""
    if wanted is None or not now or wanted == now:
        return None
    return wanted if wanted > now or may_lower else None


def _memory(group: list[Diagnosis], now: RequirementFacts, options: CorrectionOptions) -> int | None:
    """Return the memory that a job needs: one that ran out needs more than the limit it ran under."""
    facts = [each.facts for each in group]
    limits = [each.facts.memory_limit_bytes or 0 for each in group if _ran_out(each, Cause.OOM)]
    peak = max([_highest_peak(facts) or 0, *limits])
    if not peak or (not limits and peak <= now.memory_bytes and any(each.peak_bytes is None for each in facts)):
        return None
    wanted = max(_LEAST_MEMORY_BYTES, round_up_memory(peak * options.memory_multiplier))
    return wanted if limits or peak > now.memory_bytes or wanted < now.memory_bytes else None


def _runtime(group: list[Diagnosis], now: RequirementFacts, options: CorrectionOptions) -> int | None:
    limits = [each.facts.runtime_limit_s or 0.0 for each in group if _ran_out(each, Cause.TIMEOUT)]
    longest_s = max([each.facts.exec_time_minutes * 60 for each in group] + limits)
    wanted = math.ceil(max(_LEAST_RUNTIME_S, longest_s * options.runtime_multiplier))
    return wanted if limits or longest_s > now.runtime_s or wanted < now.runtime_s else None


def _cpus(facts: list[AttemptFacts], options: CorrectionOptions) -> int | None:
    peaks = [each.peak_cpu_percent for each in facts]
    known = [peak for peak in peaks if peak is not None]
    now = facts[0].requirement.num_cpus
    if not known:
        return None
    wanted = max(1, math.ceil(max(known) / 100 * options.cpu_multiplier))
    is_over = max(known) > 100 * now
    return wanted if is_over or (wanted < now and len(known) == len(peaks)) else None


def _ran_out(attempt: Diagnosis, cause: Cause) -> bool:
    return attempt.facts.has_failed and attempt.cause is cause


def _highest_peak(facts: list[AttemptFacts]) -> int | None:
    return max((each.peak_bytes for each in facts if each.peak_bytes is not None), default=None)
