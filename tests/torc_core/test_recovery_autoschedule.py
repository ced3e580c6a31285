"""When watch asks for more nodes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from torc_core.recovery.auto_schedule import (
    AutoScheduleOptions,
    AutoScheduleState,
    Scene,
    ScheduleDecision,
    decide,
    note_scheduled,
    observe,
)

MINUTE = 60.0
DEFAULTS = AutoScheduleOptions()


class Watch:
    """Polls at given times and schedules whenever that is decided."""

    def __init__(self, **options: Any) -> None:
        self.options = AutoScheduleOptions(**options)
        self.state: AutoScheduleState | None = None

    def poll(self, now_s: float, **scene: Any) -> ScheduleDecision:
        self.state = observe(self.state, Scene(**scene), now_s)
        decision = decide(self.state, self.options, now_s)
        if decision.schedules:
            self.state = note_scheduled(self.state, now_s)
        return decision


def test_the_scenario_of_a_hundred_jobs_of_which_three_are_retried() -> None:
    watch = Watch()
    # 100 jobs across 10 allocations; 90 wait for their turn
    assert not watch.poll(0, ready_jobs=90, retry_jobs=0, has_schedulers=True, attempts_ended=0).schedules
    # jobs 15, 23, 47 fail and are ready again with attempt 2, fewer than the threshold
    assert not watch.poll(60, ready_jobs=43, retry_jobs=3, has_schedulers=True, attempts_ended=60).schedules
    # all 10 allocations end, 97 jobs completed
    decision = watch.poll(120, ready_jobs=3, retry_jobs=3, has_schedulers=False, attempts_ended=100)
    assert decision == ScheduleDecision(
        why="no_schedulers", message="Auto-schedule: No schedulers available but 3 ready jobs found (3 retries)"
    )
    # the new allocation waits in the queue, then runs them
    assert not watch.poll(180, ready_jobs=3, retry_jobs=3, has_schedulers=True, attempts_ended=100).schedules
    assert not watch.poll(240, ready_jobs=0, retry_jobs=0, has_schedulers=True, attempts_ended=100).schedules
    # 15 succeeds; 23 and 47 fail again and are ready with attempt 3 when the allocation ends
    assert watch.poll(300, ready_jobs=2, retry_jobs=2, has_schedulers=False, attempts_ended=103).why == "no_schedulers"
    # both succeed: nothing is left to schedule
    assert not watch.poll(360, ready_jobs=0, retry_jobs=0, has_schedulers=False, attempts_ended=105).schedules


def test_retry_jobs_at_the_threshold_get_nodes_and_again_only_after_the_cooldown() -> None:
    watch = Watch()
    scene = {"ready_jobs": 9, "retry_jobs": 5, "has_schedulers": True}
    assert not watch.poll(0, **scene | {"retry_jobs": 4}).schedules
    decision = watch.poll(60, **scene)
    assert decision.message == "Auto-schedule: 5 retry jobs waiting (threshold: 5), scheduling more nodes..."
    assert not watch.poll(60 + 30 * MINUTE - 1, **scene).schedules
    assert watch.poll(60 + 30 * MINUTE, **scene).why == "threshold"


def test_fewer_retry_jobs_get_nodes_after_two_hours() -> None:
    watch = Watch()
    scene = {"ready_jobs": 2, "retry_jobs": 2, "has_schedulers": True}
    assert not watch.poll(0, **scene | {"retry_jobs": 0}).schedules
    assert not watch.poll(600, **scene).schedules
    assert not watch.poll(600 + 120 * MINUTE - 1, **scene).schedules
    decision = watch.poll(600 + 120 * MINUTE, **scene)
    assert (
        decision.message
        == "Auto-schedule: 2 retry jobs ready without a runner for 7200s (timeout: 7200s), scheduling..."
    )
    assert not watch.poll(600 + 121 * MINUTE, **scene).schedules


def test_the_wait_begins_anew_when_no_retry_job_was_left_between() -> None:
    watch = Watch()
    for now_s, retries in ((0, 2), (100 * MINUTE, 0), (110 * MINUTE, 2), (130 * MINUTE, 2)):
        assert not watch.poll(now_s, ready_jobs=2, retry_jobs=retries, has_schedulers=True).schedules


def test_after_scheduling_waiting_jobs_wait_the_whole_timeout_again() -> None:
    watch = Watch(cooldown_s=0)
    scene = {"ready_jobs": 2, "retry_jobs": 2, "has_schedulers": True}
    asked = [watch.poll(hours * 60 * MINUTE, **scene).schedules for hours in range(5)]
    assert asked == [False, False, True, False, True]


def test_threshold_0_means_any_retry_job_but_not_none() -> None:
    assert Watch(threshold=0).poll(0, ready_jobs=1, retry_jobs=1, has_schedulers=True).why == "threshold"
    assert not Watch(threshold=0).poll(0, ready_jobs=1, retry_jobs=0, has_schedulers=True).schedules


def test_a_wait_timeout_of_0_means_never() -> None:
    watch = Watch(retry_wait_timeout_s=0)
    for now_s in (0, 1e9):
        assert not watch.poll(now_s, ready_jobs=1, retry_jobs=1, has_schedulers=True).schedules


def test_without_any_allocation_the_cooldown_does_not_matter() -> None:
    watch = Watch()
    assert watch.poll(0, ready_jobs=9, retry_jobs=9, has_schedulers=True, attempts_ended=50).why == "threshold"
    assert watch.poll(60, ready_jobs=9, retry_jobs=0, has_schedulers=False, attempts_ended=51).why == "no_schedulers"


def test_an_allocation_that_ended_without_any_attempt_is_followed_only_after_the_cooldown() -> None:
    watch = Watch()
    scene = {"ready_jobs": 3, "retry_jobs": 0, "has_schedulers": False, "attempts_ended": 7}
    assert watch.poll(0, **scene).schedules
    assert not watch.poll(60, **scene).schedules
    assert watch.poll(30 * MINUTE, **scene).schedules


counts = st.integers(0, 20)


@given(
    st.lists(st.tuples(st.floats(0, 4000), counts, counts, st.booleans(), st.none() | counts), max_size=20),
    st.integers(0, 10),
)
def test_nodes_are_asked_for_only_while_jobs_are_ready_and_beside_allocations_never_within_the_cooldown(
    polls: list[tuple[float, int, int, bool, int | None]], threshold: int
) -> None:
    watch = Watch(threshold=threshold)
    now_s, last_s = 0.0, None
    for step_s, fresh, retries, has_schedulers, ended in polls:
        now_s += step_s
        decision = watch.poll(now_s, ready_jobs=fresh + retries, retry_jobs=retries, has_schedulers=has_schedulers,
                              attempts_ended=ended)  # fmt: skip
        assert (decision.message is not None) == decision.schedules
        if not decision.schedules:
            continue
        assert fresh + retries > 0
        if has_schedulers:
            assert retries > 0
            assert last_s is None or now_s - last_s >= DEFAULTS.cooldown_s
        last_s = now_s
