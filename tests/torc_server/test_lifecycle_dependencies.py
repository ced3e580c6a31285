"""Jobs wait for each other: released, canceled, held back, at once and transitively."""

from pathlib import Path

import pytest
from services_bench import Bench, job

from torc_core.api.drafts import FileDraft, UserDataDraft
from torc_core.api.jobs import RetryRequest
from torc_core.api.workflows import WorkflowModel
from torc_core.jobs.status import UNSUCCESSFUL, JobStatus
from torc_server.services.jobs.change_status import manage_status_change
from torc_server.services.jobs.retry import retry_job

S = JobStatus


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def test_a_dependent_is_released_by_the_completion_of_its_last_dependency(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b"), job("c", 0, 1)])
    assert run.statuses() == {"a": "ready", "b": "ready", "c": "blocked"}
    run.begin("a", "b")
    run.end("a")
    assert run.status("c") is S.BLOCKED
    run.end("b")
    assert run.status("c") is S.READY


@pytest.mark.parametrize("ending", sorted(UNSUCCESSFUL))
def test_an_unsuccessful_end_cancels_everything_behind_it_at_once(bench: Bench, ending: S) -> None:
    run = bench.workflow([job("a"), job("b", 0), job("c", 1), job("d", 2)])
    run.begin("a")
    run.end("a", ending)
    assert run.statuses() == {"a": str(ending), "b": "canceled", "c": "canceled", "d": "canceled"}
    assert [run.results(name) for name in "bcd"] == [[], [], []]
    reported = [event.data["job_name"] for event in bench.announced if event.event_type == "job_canceled"]
    assert sorted(reported)[-3:] == ["b", "c", "d"]


def test_cancellation_does_not_wait_for_the_other_dependencies(bench: Bench) -> None:
    run = bench.workflow([job("fails"), job("slow"), job("behind", 0, 1)])
    run.begin("fails", "slow")
    run.end("fails", S.FAILED)
    assert run.status("behind") is S.CANCELED
    run.end("slow")
    assert run.status("behind") is S.CANCELED


def test_a_job_that_does_not_mind_runs_after_a_failed_dependency(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0, cancel_on_blocking_job_failure=False), job("c", 0), job("d", 1, 2)])
    run.begin("a")
    run.end("a", S.FAILED)
    assert run.statuses() == {"a": "failed", "b": "ready", "c": "canceled", "d": "canceled"}


def test_a_job_that_does_not_mind_is_released_by_canceled_dependencies_too(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0), job("c", 1, cancel_on_blocking_job_failure=False)])
    run.begin("a")
    run.end("a", S.FAILED)
    assert run.statuses() == {"a": "failed", "b": "canceled", "c": "ready"}


def test_a_failure_that_waits_for_a_decision_keeps_dependents_blocked(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0)])
    run.begin("a")
    run.end("a", S.FAILED, unmatched_failure=True)
    assert run.statuses() == {"a": "pending_failed", "b": "blocked"}
    assert run.results("a") == [(1, 1, "failed", 1)]


@pytest.mark.parametrize(
    ("server", "workflow", "expected"),
    [(True, None, S.PENDING_FAILED), (False, None, S.FAILED), (True, False, S.FAILED), (False, True, S.PENDING_FAILED)],
)
def test_the_workflow_decides_about_unmatched_failures_and_the_server_where_it_does_not(
    tmp_path: Path, server: bool, workflow: bool | None, expected: S
) -> None:
    bench = Bench.at(tmp_path / "torc.db", use_pending_failed=server)
    model = WorkflowModel(name="w", user="u", use_pending_failed=workflow)
    run = bench.workflow([job("a")], workflow=model)
    run.begin("a")
    run.end("a", S.FAILED, unmatched_failure=True)
    assert run.status("a") is expected


def test_a_failure_that_a_rule_decided_about_fails_whatever_is_in_use(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.begin("a")
    run.end("a", S.FAILED)
    assert run.status("a") is S.FAILED


def test_a_barrier_opens_when_the_last_of_many_is_done(bench: Bench) -> None:
    names = [f"work_{i}" for i in range(200)]
    run = bench.workflow(
        [*(job(name) for name in names), job("barrier", *range(200)), *(job(f"after_{i}", 200) for i in range(200))]
    )
    run.begin(*names)
    run.report([run.ending(name) for name in names[:-1]])
    assert run.status("barrier") is S.BLOCKED
    run.end(names[-1])
    assert run.status("barrier") is S.READY
    run.begin("barrier")
    run.end("barrier")
    assert {run.status(f"after_{i}") for i in range(200)} == {S.READY}


def test_files_and_user_data_make_dependencies(bench: Bench) -> None:
    run = bench.workflow(
        [
            job("reads_file", input_files=[0]),
            job("writes_both", output_files=[0], output_user_data=[0]),
            job("reads_data", input_user_data=[0]),
        ],
        files=[FileDraft(name="f", path="f.txt")],
        user_data=[UserDataDraft(name="u")],
    )
    assert run.statuses() == {"reads_file": "blocked", "writes_both": "ready", "reads_data": "blocked"}
    assert run.job("reads_file").depends_on_job_ids == [run.id("writes_both")]


def test_retrying_a_failure_reopens_what_it_canceled(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0), job("c", 1)])
    run.begin("a")
    run.end("a", S.FAILED)
    bench.write(retry_job, run.id("a"), run_id=1, max_retries=3)
    assert run.statuses() == {"a": "ready", "b": "blocked", "c": "blocked"}
    for name in "abc":
        run.begin(name)
        run.end(name)
    assert set(run.statuses().values()) == {"completed"}


def test_what_another_failure_canceled_too_stays_canceled_after_a_retry(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("other"), job("b", 0), job("both", 0, 1), job("behind_both", 3)])
    run.begin("a", "other")
    run.end("a", S.FAILED)
    run.end("other", S.FAILED)
    bench.write(retry_job, run.id("a"), run_id=1, max_retries=3)
    assert run.statuses() == {
        "a": "ready",
        "other": "failed",
        "b": "blocked",
        "both": "canceled",
        "behind_both": "canceled",
    }


def test_a_dependent_released_by_a_failure_waits_again_when_that_is_retried(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0, cancel_on_blocking_job_failure=False)])
    run.begin("a")
    run.end("a", S.FAILED)
    assert run.status("b") is S.READY
    bench.write(retry_job, run.id("a"), run_id=1, max_retries=3)
    assert run.status("b") is S.BLOCKED


def test_a_dependent_already_at_work_stays_so_when_its_dependency_is_retried(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0, cancel_on_blocking_job_failure=False)])
    run.begin("a")
    run.end("a", S.FAILED)
    run.begin("b")
    bench.write(retry_job, run.id("a"), run_id=1, max_retries=3)
    assert run.status("b") is S.RUNNING
    run.end("b")
    assert run.statuses() == {"a": "ready", "b": "completed"}


def test_a_retried_attempt_never_cancels_its_dependents(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0)])
    run.begin("a")
    run.end("a", S.FAILED, retry=RetryRequest(max_retries=3))
    assert run.statuses() == {"a": "ready", "b": "blocked"}
    assert not [event for event in bench.announced if event.event_type == "job_canceled"]


def test_resetting_a_finished_job_by_hand_takes_everything_behind_it_along(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0), job("c", 1), job("apart")])
    for name in "abc":
        run.begin(name)
        run.end(name)
    bench.write(manage_status_change, run.id("b"), S.UNINITIALIZED, run_id=1)
    assert run.statuses() == {"a": "completed", "b": "uninitialized", "c": "uninitialized", "apart": "pending"}
