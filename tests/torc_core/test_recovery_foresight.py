"""Foresight: what failed siblings say about those that wait."""

import pytest
from recovery_samples import GIB, attempt, oom, requirement, timeout

from torc_core.jobs.status import JobStatus
from torc_core.recovery.diagnosis import diagnose
from torc_core.recovery.foresight import WAITING, Sibling, foresee, foresee_less, template_of
from torc_core.recovery.plan import RecoverOptions

OPTIONS = RecoverOptions()


def _siblings(failed: int, completed: int, waiting: int, **changes: object) -> list[Sibling]:
    statuses = [JobStatus.FAILED] * failed + [JobStatus.COMPLETED] * completed + [JobStatus.READY] * waiting
    made = [Sibling(number, f"train_{number}", 7, status, 1) for number, status in enumerate(statuses)]
    return [each._replace(**changes) for each in made]


def _ooms(count: int, **changes: object) -> list:
    return [diagnose(oom(job_id=n, job_name=f"train_{n}", **changes)) for n in range(count)]


def test_jobs_that_wait_get_what_their_failed_siblings_get_with_the_numbers() -> None:
    (found,) = foresee(_ooms(4), _siblings(4, 3, 5), OPTIONS)
    assert found.memory == "12g"
    assert found.runtime is None
    assert found.job_ids == (7, 8, 9, 10, 11)
    assert found.reason == "4 of 7 started siblings ran out of memory with 8g"
    assert found.template == "train_#"


@pytest.mark.parametrize(("failed", "completed", "waiting"), [(2, 0, 9), (4, 9, 9), (4, 0, 0)])
def test_few_failures_many_successes_or_nobody_who_waits_foretell_nothing(
    failed: int, completed: int, waiting: int
) -> None:
    assert foresee(_ooms(failed), _siblings(failed, completed, waiting), OPTIONS) == ()


def test_memory_and_time_are_raised_together_where_both_were_lacking() -> None:
    late = [diagnose(timeout(job_id=n, job_name=f"train_{n}")) for n in range(3, 6)]
    (found,) = foresee([*_ooms(3), *late], _siblings(6, 0, 2), OPTIONS)
    assert (found.memory, found.runtime) == ("12g", "PT1H24M")


def test_a_job_of_another_template_or_requirement_or_one_that_was_started_before_is_no_sibling_that_waits() -> None:
    assert foresee(_ooms(4), _siblings(4, 0, 3, requirement_id=8), OPTIONS) == ()
    others = [Sibling(50, "merge_1", 7, JobStatus.READY, 1), Sibling(51, "train_51", 7, JobStatus.READY, 2)]
    assert foresee(_ooms(4), [*_siblings(4, 0, 0), *others], OPTIONS) == ()


def test_a_raise_stays_within_the_users_cap_and_a_cap_below_what_they_have_raises_nothing() -> None:
    (found,) = foresee(_ooms(3), _siblings(3, 0, 1), RecoverOptions(max_memory_bytes=10 * GIB))
    assert found.memory == "10g"
    assert foresee(_ooms(3), _siblings(3, 0, 1), RecoverOptions(max_memory_bytes=8 * GIB)) == ()


def test_the_amounts_that_would_do_are_named_where_siblings_use_a_fraction() -> None:
    done = [
        attempt(0, job_id=n, job_name=f"train_{n}", status=JobStatus.COMPLETED, peak_memory_bytes=GIB) for n in range(5)
    ]
    (found,) = foresee_less(done, _siblings(0, 5, 4))
    assert found.memory == "2g"
    assert found.runtime == "PT12M"
    assert found.waiting == 4
    assert "5 completed siblings used at most 1g of memory" in found.reason
    assert foresee_less(done[:4], _siblings(0, 4, 4)) == ()
    needy = done[0].model_copy(update={"peak_memory_bytes": 7 * GIB, "exec_time_minutes": 55.0})
    assert foresee_less([*done, needy], _siblings(0, 6, 4)) == ()
    small = [each.model_copy(update={"requirement": requirement(memory_bytes=0, runtime_s=0)}) for each in done]
    assert foresee_less(small, _siblings(0, 5, 4)) == ()


def test_a_template_is_the_name_without_its_numbers() -> None:
    assert template_of("train_12_lr0.001") == "train_#_lr#"


def test_the_statuses_of_waiting_jobs_follow_from_the_table() -> None:
    assert {JobStatus.UNINITIALIZED, JobStatus.BLOCKED, JobStatus.READY} == WAITING
