"""Foresees failures: where started siblings lacked memory or time, what those that wait would need, too."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from statistics import median_high, median_low
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from torc_core.evidence.attempt import AttemptFacts, Cause
from torc_core.jobs.status import ACTIVE, DONE, FAILURES, JobStatus
from torc_core.recovery.corrections import CORRECTION_MULTIPLIER
from torc_core.recovery.diagnosis import Diagnosis
from torc_core.recovery.heuristics import Raised, raise_memory, raise_runtime
from torc_core.recovery.plan import RecoverOptions
from torc_core.resources.duration import format_duration
from torc_core.resources.memory import format_memory, round_up_memory

LEAST_FAILED: Final = 3
"""Fewer failures of one cause say little about the siblings that wait."""

LEAST_SHARE: Final = 1 / 3
"""Share of the started siblings that must have failed so, those that still run counted as well.

Those that run may fail, too, so the share of the ended ones is larger. Below it a raise for all costs more than the
retries that it saves.
"""

LEAST_COMPLETED: Final = 5
"""Fewer siblings that completed say little about what is too much."""

FRACTION: Final = 0.5
"""Siblings that use less than this share of what they ask for ask for too much."""

WAITING: Final = frozenset(JobStatus) - ACTIVE - DONE - FAILURES
"""Statuses of a job that no runner holds and that has not ended."""

_NUMBERS: Final = re.compile(r"\d+(?:\.\d+)*")


class Sibling(NamedTuple):
    """A job as it is now; siblings have one template and one requirement."""

    job_id: int
    name: str
    requirement_id: int
    status: JobStatus
    attempt_id: int

    @property
    def waits(self) -> bool:
        """Return whether no attempt of it was started."""
        return self.status in WAITING and self.attempt_id == 1


class ForeseenRaise(BaseModel):
    """More memory or runtime for the siblings that wait; None keeps what they have."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    template: str
    resource_requirements_id: int
    job_ids: tuple[int, ...]
    memory: str | None = None
    runtime: str | None = None
    reason: str
    """The numbers that it rests on."""


class ForeseenLess(BaseModel):
    """Siblings that use a fraction of what they ask for, and what would do; a proposal to people alone."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    template: str
    resource_requirements_id: int
    waiting: int
    memory: str | None = None
    runtime: str | None = None
    reason: str


def template_of(name: str) -> str:
    """Return the name without the numbers that parameters put into it: `train_12` gives `train_#`."""
    return _NUMBERS.sub("#", name)


def foresee(
    diagnoses: Iterable[Diagnosis], siblings: Iterable[Sibling], options: RecoverOptions
) -> tuple[ForeseenRaise, ...]:
    """Return the raises for jobs that wait: at least a third of their started siblings failed for one lack.

    `diagnoses` are those of the jobs that are failed now. The new amount is the one that the median of the failed
    siblings gets. A requirement without amounts is never raised.
    """
    groups = _group(siblings)
    failed: defaultdict[tuple[str, int], list[Diagnosis]] = defaultdict(list)
    for diagnosis in diagnoses:
        facts = diagnosis.facts
        if facts.has_failed and not facts.requirement.is_unspecified:
            failed[template_of(facts.job_name), facts.requirement.id].append(diagnosis)
    found = (_foresee(key, failed[key], groups[key], options) for key in failed if key in groups)
    return tuple(each for each in found if each is not None)


def foresee_less(completed: Iterable[AttemptFacts], siblings: Iterable[Sibling]) -> tuple[ForeseenLess, ...]:
    """Return what is asked for too much: most completed siblings, and the neediest, used a fraction of it."""
    groups = _group(siblings)
    done: defaultdict[tuple[str, int], list[AttemptFacts]] = defaultdict(list)
    for facts in completed:
        if not facts.requirement.is_unspecified:
            done[template_of(facts.job_name), facts.requirement.id].append(facts)
    found = (_less(key, done[key], groups.get(key, ())) for key in sorted(done))
    return tuple(each for each in found if each is not None)


def _group(siblings: Iterable[Sibling]) -> dict[tuple[str, int], list[Sibling]]:
    groups: defaultdict[tuple[str, int], list[Sibling]] = defaultdict(list)
    for sibling in siblings:
        groups[template_of(sibling.name), sibling.requirement_id].append(sibling)
    return dict(groups)


def _foresee(
    key: tuple[str, int], failed: Sequence[Diagnosis], siblings: Collection[Sibling], options: RecoverOptions
) -> ForeseenRaise | None:
    template, requirement_id = key
    waiting = tuple(sibling.job_id for sibling in siblings if sibling.waits)
    started = len(siblings) - len(waiting)
    if not waiting:
        return None
    now = failed[0].facts.requirement
    reasons, amounts = [], {}
    for cause, what, had in (
        (Cause.OOM, "memory", format_memory(now.memory_bytes)),
        (Cause.TIMEOUT, "runtime", format_duration(now.runtime_s)),
    ):
        lacking = [each.facts for each in failed if each.cause is cause]
        if len(lacking) < LEAST_FAILED or len(lacking) < LEAST_SHARE * started:
            continue
        new = _new_amount(cause, lacking, options)
        if new is not None:
            amounts[what] = new
            reasons.append(f"{len(lacking)} of {started} started siblings ran out of {what} with {had}")
    if not amounts:
        return None
    return ForeseenRaise(
        template=template,
        resource_requirements_id=requirement_id,
        job_ids=waiting,
        reason="; ".join(reasons),
        **amounts,
    )


def _new_amount(cause: Cause, lacking: Sequence[AttemptFacts], options: RecoverOptions) -> str | None:
    """Return what the median of the failed siblings gets; None where it cannot be raised."""
    if cause is Cause.OOM:
        raised = [
            raise_memory(facts, multiplier=options.memory_multiplier, most_bytes=options.max_memory_bytes)
            for facts in lacking
        ]
    else:
        raised = [
            raise_runtime(facts, multiplier=options.runtime_multiplier, most_s=options.max_runtime_s)
            for facts in lacking
        ]
    amounts = [each.amount for each in raised if isinstance(each, Raised)]
    if not amounts:
        return None
    new = median_high(amounts)
    return format_memory(new) if cause is Cause.OOM else format_duration(new)


def _less(
    key: tuple[str, int], completed: Sequence[AttemptFacts], siblings: Collection[Sibling]
) -> ForeseenLess | None:
    if len(completed) < LEAST_COMPLETED or any(sibling.status in FAILURES for sibling in siblings):
        return None
    now = completed[0].requirement
    peaks = [facts.peak_bytes for facts in completed if facts.peak_bytes is not None]
    times = [facts.exec_time_minutes * 60 for facts in completed]
    reasons, amounts = [], {}
    if len(peaks) == len(completed) and (most := _spare(peaks, now.memory_bytes)) is not None:
        amounts["memory"] = format_memory(round_up_memory(most))
        reasons.append(f"{len(peaks)} completed siblings used at most {format_memory(max(peaks))} of memory")
    if (longest := _spare(times, now.runtime_s)) is not None:
        amounts["runtime"] = format_duration(round(max(longest, 60.0)))
        reasons.append(f"{len(times)} completed siblings took at most {format_duration(round(max(times)))}")
    if not amounts:
        return None
    waiting = sum(sibling.waits for sibling in siblings)
    return ForeseenLess(
        template=key[0], resource_requirements_id=key[1], waiting=waiting, reason="; ".join(reasons), **amounts
    )


def _spare(used: Sequence[float], asked: float) -> float | None:
    """Return what would do for all, with room; None where that is not a fraction of what they ask for."""
    enough = max(used) * CORRECTION_MULTIPLIER
    return enough if median_low(used) < FRACTION * asked and enough < FRACTION * asked else None
