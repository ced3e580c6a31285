"""Computes how much more a job gets: memory after an OOM, runtime after a timeout."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final, TypeVar

from torc_core.errors import InvalidInputError
from torc_core.evidence.attempt import AttemptFacts, Cause
from torc_core.resources.memory import round_up_memory

MOST_MEMORY_BYTES: Final = 8_388_607 << 40
MOST_RUNTIME_S: Final = 99_999_999_999.0
"""The largest amounts that the texts of memory and runtime can hold."""

LARGEST_MULTIPLIER: Final = 100

LEAST_FIRST_MEMORY_BYTES: Final = 1 << 30
"""A job that stated no memory had no limit; its first one must leave room for use that nobody measured."""

_Amount = TypeVar("_Amount", int, float)

_RAISES_BEFORE_DOUBT: Final = 2
"""Raises without effect after which more memory is no longer tried; one may have been too small."""

_SAME_PEAK: Final = 0.05
"""Relative difference within which measured peaks count as equal."""


@dataclass(frozen=True, kw_only=True)
class Raised:
    """The new amount: bytes of memory, or seconds of runtime."""

    amount: int


@dataclass(frozen=True, kw_only=True)
class Capped:
    """The job has as much already as it may get; `cap` is bytes or seconds."""

    cap: int


def check_multiplier(name: str, value: float) -> float:
    """Return the multiplier. Raises InvalidInputError unless it is above 1 and at most 100."""
    if not 1 < value <= LARGEST_MULTIPLIER:
        raise InvalidInputError(
            f"{name} is {value}; it must be more than 1 and at most {LARGEST_MULTIPLIER}", hint="use for example 1.5"
        )
    return value


def raise_memory(facts: AttemptFacts, *, multiplier: float, most_bytes: int | None = None) -> Raised | Capped | None:
    """Return what the job gets after an OOM; None when neither a limit nor a peak is known, or when it has that by now.

    The larger of the limit that the attempt ran under and the measured memory, times `multiplier`, rounded up; at most
    `most_bytes` and what the partition has, never less than now. A cap below the measured peak would only fail again.
    """
    limit, peak = facts.memory_limit_bytes, facts.peak_bytes
    if not limit and peak is None:
        return None
    now = _in_force(facts.requirement.memory_bytes, limit, facts)
    wanted = round_up_memory(_times(max(limit or now, peak or 0), multiplier))
    if limit and limit < now and now >= wanted:
        return None  # it was given more since the attempt
    raised = _within(
        wanted if limit else max(wanted, LEAST_FIRST_MEMORY_BYTES),
        now=now,
        caps=(most_bytes, facts.partition.memory_bytes, MOST_MEMORY_BYTES),
    )
    if isinstance(raised, Raised) and raised.amount < (peak or 0):
        return Capped(cap=raised.amount)
    return raised


def raise_runtime(facts: AttemptFacts, *, multiplier: float, most_s: float | None = None) -> Raised | Capped | None:
    """Return what the job gets after a timeout; None when it had no limit of its own, or when it has that by now.

    The limit that the attempt ran under times `multiplier` in whole seconds; at most `most_s` and the partition's
    walltime, never less than now.
    """
    limit = facts.runtime_limit_s
    if not limit:
        return None
    now = _in_force(facts.requirement.runtime_s, limit, facts)
    wanted = _times(limit, multiplier)
    if limit < now and now >= wanted:
        return None  # it was given more since the attempt
    return _within(wanted, now=math.ceil(now), caps=(most_s, facts.partition.runtime_s, MOST_RUNTIME_S))


def is_not_helped_by_memory(facts: AttemptFacts) -> bool:
    """Return whether the OOM came back after two raises although the job used no more than before."""
    earlier = sorted(
        (attempt for attempt in facts.history if attempt.cause is Cause.OOM),
        key=lambda attempt: (attempt.run_id, attempt.attempt_id),
    )[-_RAISES_BEFORE_DOUBT:]
    limits = [attempt.memory_limit_bytes for attempt in earlier] + [facts.memory_limit_bytes]
    peaks = [attempt.peak_memory_bytes for attempt in earlier] + [facts.peak_bytes]
    known_limits = [limit for limit in limits if limit is not None]
    known_peaks = [peak for peak in peaks if peak is not None]
    if not len(known_limits) == len(known_peaks) == _RAISES_BEFORE_DOUBT + 1:
        return False
    was_raised = all(before < after for before, after in pairwise(known_limits))
    return was_raised and max(known_peaks) - min(known_peaks) <= _SAME_PEAK * max(known_peaks)


def _in_force(configured: _Amount, limit: _Amount | None, facts: AttemptFacts) -> _Amount:
    """Return what the job has now; where the requirement is a placeholder, the limit it really ran under."""
    return max(configured, limit) if facts.requirement.is_unspecified and limit is not None else configured


def _within(wanted: int, *, now: int, caps: tuple[float | None, ...]) -> Raised | Capped:
    cap = min(math.floor(cap) for cap in caps if cap is not None and math.isfinite(cap))
    return Raised(amount=min(wanted, cap)) if cap > now else Capped(cap=cap)


def _times(amount: float, multiplier: float) -> int:
    """Return the product as people compute it, rounded up: 1.1 x 3600 is 3960, not 3961."""
    return math.ceil(Fraction(str(amount)) * Fraction(str(multiplier)))
