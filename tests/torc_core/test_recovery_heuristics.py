"""How much more a job gets."""

import math

import pytest
from recovery_samples import GIB, MIB, UNSPECIFIED, attempt, evidence, oom, partition, requirement, timeout

from torc_core.errors import InvalidInputError
from torc_core.evidence.attempt import AttemptFacts, Cause, EarlierAttempt
from torc_core.recovery.heuristics import (
    LEAST_FIRST_MEMORY_BYTES,
    MOST_MEMORY_BYTES,
    Capped,
    Raised,
    check_multiplier,
    is_not_helped_by_memory,
    raise_memory,
    raise_runtime,
)


@pytest.mark.parametrize(
    ("configured", "peak", "multiplier", "expected"),
    [
        (8 * GIB, None, 1.5, 12 * GIB),
        (64 * MIB, None, 1.5, 96 * MIB),
        (1 * GIB, None, 1.5, 2 * GIB),
        (8 * GIB, 10 * GIB, 1.5, 15 * GIB),
        (8 * GIB, 100 * MIB, 1.5, 12 * GIB),
        (8 * GIB, None, 2.0, 16 * GIB),
        (10 * GIB, None, 1.1, 11 * GIB),
    ],
)
def test_memory_is_the_larger_of_configured_and_peak_times_the_multiplier_rounded_up(
    configured: int, peak: int | None, multiplier: float, expected: int
) -> None:
    facts = oom(requirement=requirement(memory_bytes=configured), peak_memory_bytes=peak)
    assert raise_memory(facts, multiplier=multiplier) == Raised(amount=expected)


@pytest.mark.parametrize(
    ("runtime_s", "multiplier", "expected"),
    [(3600, 1.4, 5040), (3600, 1.1, 3960), (3600, 1.5, 5400), (2, 1.4, 3), (90.5, 2.0, 181)],
)
def test_runtime_is_the_configured_one_times_the_multiplier_in_whole_seconds(
    runtime_s: float, multiplier: float, expected: int
) -> None:
    facts = timeout(requirement=requirement(runtime_s=runtime_s))
    assert raise_runtime(facts, multiplier=multiplier) == Raised(amount=expected)


def test_a_raise_ends_at_the_smallest_cap_and_a_cap_already_reached_is_reported() -> None:
    in_partition = {"partition": partition(10 * GIB, 4000.5)}
    assert raise_memory(oom(**in_partition), multiplier=1.5, most_bytes=11 * GIB) == Raised(amount=10 * GIB)
    assert raise_memory(oom(**in_partition), multiplier=1.5, most_bytes=9 * GIB) == Raised(amount=9 * GIB)
    assert raise_memory(oom(**in_partition), multiplier=1.5, most_bytes=8 * GIB) == Capped(cap=8 * GIB)
    assert raise_runtime(timeout(**in_partition), multiplier=1.4) == Raised(amount=4000)
    assert raise_runtime(timeout(**in_partition), multiplier=1.4, most_s=600) == Capped(cap=600)


def test_a_job_that_stated_no_memory_gets_its_peak_times_the_multiplier_but_not_less_than_the_least() -> None:
    big = oom(requirement=UNSPECIFIED, peak_memory_bytes=20 * GIB)
    small = oom(requirement=UNSPECIFIED, peak_memory_bytes=3 * MIB)
    assert raise_memory(big, multiplier=1.5) == Raised(amount=30 * GIB)
    assert raise_memory(small, multiplier=1.5) == Raised(amount=LEAST_FIRST_MEMORY_BYTES)


def test_a_job_that_stated_nothing_is_raised_from_the_limits_it_really_ran_under() -> None:
    limits = evidence(137, memory_limit_bytes=4 * GIB, runtime_limit_s=600.0)
    assert raise_memory(oom(requirement=UNSPECIFIED, evidence=limits), multiplier=1.5) == Raised(amount=6 * GIB)
    assert raise_runtime(timeout(requirement=UNSPECIFIED, evidence=limits), multiplier=1.5) == Raised(amount=900)
    assert raise_memory(oom(requirement=UNSPECIFIED, evidence=limits), multiplier=1.5, most_bytes=3 * GIB) == Capped(
        cap=3 * GIB
    )


def test_a_raise_goes_out_from_the_limits_of_the_attempt_and_not_from_what_the_job_was_given_since() -> None:
    ran_under = evidence(137, memory_limit_bytes=2 * GIB, runtime_limit_s=600.0)
    little_more = oom(requirement=requirement(memory_bytes=int(2.5 * GIB), runtime_s=700), evidence=ran_under)
    assert raise_memory(little_more, multiplier=1.5) == Raised(amount=3 * GIB)
    assert raise_runtime(little_more, multiplier=1.5) == Raised(amount=900)
    enough = oom(requirement=requirement(memory_bytes=4 * GIB, runtime_s=3600), evidence=ran_under)
    assert (raise_memory(enough, multiplier=1.5), raise_runtime(enough, multiplier=1.5)) == (None, None)


def test_where_nothing_is_known_nothing_is_raised() -> None:
    assert raise_memory(oom(requirement=UNSPECIFIED), multiplier=1.5) is None
    assert raise_runtime(timeout(requirement=UNSPECIFIED), multiplier=1.5) is None
    assert raise_memory(oom(requirement=requirement(memory_bytes=0)), multiplier=1.5) is None


def test_an_absurd_multiplier_still_gives_an_amount_that_can_be_written() -> None:
    assert raise_memory(oom(), multiplier=1e300) == Raised(amount=MOST_MEMORY_BYTES)


@pytest.mark.parametrize("value", [1.0, 0.5, 0.0, -2.0, math.nan, math.inf])
def test_a_multiplier_that_raises_nothing_is_refused(value: float) -> None:
    with pytest.raises(InvalidInputError, match="memory multiplier") as refused:
        check_multiplier("memory multiplier", value)
    assert refused.value.hint


def earlier(attempt_id: int, limit: int | None, peak: int | None, cause: Cause = Cause.OOM) -> EarlierAttempt:
    return EarlierAttempt(
        run_id=1, attempt_id=attempt_id, cause=cause, memory_limit_bytes=limit, peak_memory_bytes=peak
    )


def third_attempt(*history: EarlierAttempt, peak: int | None = 2 * GIB) -> AttemptFacts:
    return attempt(
        137, attempt_id=3, requirement=requirement(memory_bytes=18 * GIB), peak_memory_bytes=peak, history=history
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (third_attempt(earlier(1, 8 * GIB, 2 * GIB), earlier(2, 12 * GIB, 2 * GIB)), True),
        (third_attempt(earlier(2, 12 * GIB, 2 * GIB), earlier(1, 8 * GIB, 2 * GIB)), True),
        (third_attempt(earlier(1, 8 * GIB, 2 * GIB), earlier(2, 12 * GIB, 2 * GIB),
                       earlier(3, 12 * GIB, 2 * GIB, Cause.PREEMPTED)), True),
        (third_attempt(earlier(1, 8 * GIB, 2 * GIB)), False),
        (third_attempt(earlier(1, 8 * GIB, 8 * GIB), earlier(2, 12 * GIB, 12 * GIB), peak=18 * GIB), False),
        (third_attempt(earlier(1, 12 * GIB, 2 * GIB), earlier(2, 12 * GIB, 2 * GIB)), False),
        (third_attempt(earlier(1, 8 * GIB, None), earlier(2, 12 * GIB, 2 * GIB)), False),
        (third_attempt(earlier(1, 8 * GIB, 2 * GIB), earlier(2, 12 * GIB, 2 * GIB), peak=None), False),
    ],
    ids=["same peak", "in any order", "preempted between", "one raise", "peak grows", "not raised",
         "peak not measured", "peak of the last not measured"],
)  # fmt: skip
def test_an_oom_that_returns_after_two_raises_with_the_same_peak_is_not_helped_by_more(
    facts: AttemptFacts, expected: bool
) -> None:
    assert is_not_helped_by_memory(facts) is expected
