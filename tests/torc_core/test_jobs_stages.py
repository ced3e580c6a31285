"""Stages of jobs, from their dependencies alone."""

import pytest

from torc_core.errors import InvalidInputError
from torc_core.jobs.stages import Stage, arrange_stages


def test_jobs_stand_right_behind_the_last_one_they_wait_for() -> None:
    stages = arrange_stages([[], [0], [0], [1, 2], [0]])
    assert [stage.jobs for stage in stages] == [(0,), (1, 2, 4), (3,)]


def test_stages_know_which_others_they_are_joined_to() -> None:
    first, middle, last = arrange_stages([[], [0], [0, 1]])
    assert (first.depends_on, first.unlocks) == ((), (1, 2))
    assert (middle.depends_on, middle.unlocks) == ((0,), (2,))
    assert (last.depends_on, last.unlocks) == ((0, 1), ())


def test_a_dependency_named_twice_counts_once() -> None:
    assert arrange_stages([[], [0, 0]]) == [Stage((0,), (), (1,)), Stage((1,), (0,), ())]


def test_no_jobs_have_no_stages() -> None:
    assert arrange_stages([]) == []


def test_jobs_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 jobs wait for each other"):
        arrange_stages([[], [2], [1]])


def test_long_chains_need_no_deep_recursion() -> None:
    chain = [[number - 1] if number else [] for number in range(20_000)]
    assert len(arrange_stages(chain)) == 20_000
