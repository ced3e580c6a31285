"""Attempts start and end: in batches, once each, and only where they may."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from services_bench import Bench, Run, job

from torc_core.api.jobs import ReclaimRequest, RetryRequest, StartJobsRequest
from torc_core.errors import InvalidInputError, NotFoundError, StateConflictError, TorcError
from torc_core.evidence.record import Evidence
from torc_core.jobs.lifecycle import INFRASTRUCTURE_FAULT_LIMIT
from torc_core.jobs.status import JobStatus
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.complete import complete_job
from torc_server.services.jobs.reclaim import reclaim_jobs
from torc_server.services.jobs.retry import retry_job
from torc_server.services.jobs.start import start_job, start_jobs
from torc_server.services.runs.reset import cancel_workflow, reset_workflow_status
from torc_server.services.runs.summary import job_evidence

S = JobStatus


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


@pytest.fixture
def run(bench: Bench) -> Run:
    run = bench.workflow([job("a"), job("b"), job("behind", 0)])
    run.begin("a", "b")
    return run


def test_a_completion_records_the_attempt_and_frees_the_runner(run: Run) -> None:
    run.end("a", result_peak_memory_bytes=7, result_cpu_time_s=1.5)
    ended = run.job("a")
    assert (ended.status, ended.compute_node_id, ended.start_time) == (S.COMPLETED, None, None)
    assert run.results("a") == [(1, 1, "completed", 0)]
    assert run.bench.count("SELECT peak_memory_bytes + cpu_time_s FROM result") == 8.5


def test_what_happens_is_reported_with_its_severity(run: Run) -> None:
    run.end("a", S.FAILED)
    run.end("b", S.PENDING_FAILED)
    reported = [(event.event_type, event.severity, event.data["job_name"]) for event in run.bench.announced[-3:]]
    assert reported == [
        ("job_failed", "error", "a"),
        ("job_canceled", "warning", "behind"),
        ("job_pending_failed", "warning", "b"),
    ]
    assert run.bench.touched == {run.workflow_id}


def test_the_end_of_an_attempt_tells_of_its_start_where_nobody_did(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.claim()
    run.end("a")
    started, completed = bench.announced[-2:]
    assert (started.event_type, started.data["compute_node_id"]) == ("job_started", run.runner)
    assert completed.event_type == "job_completed"


@pytest.mark.parametrize("status", [S.COMPLETED, S.FAILED, S.TERMINATED, S.CANCELED, S.PENDING_FAILED])
def test_repeating_a_completion_is_a_success_that_changes_nothing(run: Run, status: S) -> None:
    ending = run.ending("a", status)
    run.report([ending])
    before, announced = run.results("a"), len(run.bench.announced)
    answer = run.report([ending, ending])
    assert (answer.completed, answer.errors) == ([run.id("a")], [])
    assert run.results("a") == before
    assert len(run.bench.announced) == announced


def test_the_same_attempt_twice_in_one_batch_is_recorded_once(run: Run) -> None:
    answer = run.report([run.ending("a"), run.ending("a", S.FAILED)])
    assert answer.completed == [run.id("a")]
    assert run.results("a") == [(1, 1, "completed", 0)]


def test_repeating_the_completion_of_an_attempt_that_was_retried_says_so_again(run: Run) -> None:
    ending = run.ending("a", S.FAILED, retry=RetryRequest(max_retries=3))
    assert run.report([ending]).retried == [run.id("a")]
    answer = run.report([ending])
    assert (answer.completed, answer.retried, answer.errors) == ([run.id("a")], [run.id("a")], [])
    assert run.results("a") == [(1, 1, "failed", 1)]
    assert run.state("a").attempt_id == 2


def test_retries_keep_every_result_until_the_attempts_are_used_up(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0)])
    for attempt in (1, 2, 3):
        run.begin("a")
        assert run.state("a").attempt_id == attempt
        answer = run.report([run.ending("a", S.FAILED, retry=RetryRequest(max_retries=3))])
        assert answer.retried == ([] if attempt == 3 else [run.id("a")])
    assert run.results("a") == [(1, 1, "failed", 1), (1, 2, "failed", 1), (1, 3, "failed", 1)]
    assert run.statuses() == {"a": "failed", "b": "canceled"}
    events = bench.read(UnitOfWork.ids, "SELECT json_extract(data, '$.new_attempt') FROM event ORDER BY id")
    assert events == [2, 3]


def test_an_attempt_that_never_started_may_fail_and_be_retried(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.claim()
    run.end("a", S.FAILED, retry=RetryRequest(max_retries=2))
    assert (run.status("a"), run.state("a").attempt_id) == (S.READY, 2)


def test_an_infrastructure_fault_sends_the_job_back_within_its_own_limit(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    for faults in range(INFRASTRUCTURE_FAULT_LIMIT + 1):
        run.begin("a")
        assert run.state("a").infrastructure_faults == faults
        ending = run.ending("a", S.FAILED, infrastructure_fault=True, unmatched_failure=True)
        assert run.report([ending]).retried == ([run.id("a")] if faults < INFRASTRUCTURE_FAULT_LIMIT else [])
    assert (run.status("a"), len(run.results("a"))) == (S.PENDING_FAILED, INFRASTRUCTURE_FAULT_LIMIT + 1)


def test_evidence_of_every_failed_attempt_is_kept(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    for attempt in (1, 2):
        run.begin("a")
        evidence = Evidence(return_code=attempt, stderr_tail="boom")
        run.end("a", S.FAILED, evidence=evidence, retry=RetryRequest(max_retries=2))
    newest = bench.read(job_evidence, run.id("a"))
    assert (newest.attempt_id, newest.job_name, newest.evidence.return_code) == (2, "a", 2)
    assert bench.read(job_evidence, run.id("a"), run_id=1, attempt_id=1).evidence.stderr_tail == "boom"
    with pytest.raises(NotFoundError, match="no evidence"):
        bench.read(job_evidence, run.id("a"), run_id=2)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"run_id": 2}, "is in run 1"),
        ({"result_run_id": 9}, "the result names"),
        ({"result_status": S.FAILED}, "the result names"),
        ({"result_workflow_id": 9}, "the result names"),
        ({"result_attempt_id": 4}, "cannot end"),
        ({"result_compute_node_id": 99}, "not on 99"),
        ({"status": S.READY, "result_status": S.READY}, "cannot end as ready"),
        ({"retry": RetryRequest(max_retries=3)}, "which is not retried"),
    ],
)
def test_a_completion_that_cannot_be_right_changes_nothing_and_spares_the_others(
    run: Run, change: dict[str, Any], problem: str
) -> None:
    answer = run.report([run.ending("a", **change), run.ending("b")])
    assert answer.completed == [run.id("b")]
    assert [(error.job_id, problem in error.message) for error in answer.errors] == [(run.id("a"), True)]
    assert (run.status("a"), run.results("a")) == (S.RUNNING, [])
    with pytest.raises(TorcError, match=problem):
        run.bench.write(complete_job, run.id("a"), run.ending("a", **change))


def test_an_unknown_job_is_an_error_of_its_own(run: Run) -> None:
    outsider = run.ending("a").model_copy(update={"job_id": 999})
    answer = run.report([outsider])
    assert [(error.job_id, error.code) for error in answer.errors] == [(999, "not_found")]
    with pytest.raises(NotFoundError):
        run.bench.write(complete_job, 999, outsider)


def test_a_job_of_another_workflow_is_refused(run: Run) -> None:
    other = run.bench.workflow([job("x")])
    other.begin("x")
    answer = run.report([other.ending("x", result_compute_node_id=run.runner)])
    assert "is of workflow" in answer.errors[0].message
    assert other.status("x") is S.RUNNING


def test_a_job_that_nobody_took_cannot_end(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    answer = run.report([run.ending("a")])
    assert "the job is ready" in answer.errors[0].message


def test_a_program_of_ones_own_may_end_a_ready_job_that_it_never_claimed(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0)])
    run.end("a", claimed=False)
    assert run.statuses() == {"a": "completed", "b": "ready"}
    assert run.results("a") == [(1, 1, "completed", 0)]


def test_what_nobody_claimed_ends_only_when_it_is_ready_and_for_an_active_runner(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0)])
    assert "the job is blocked" in run.report([run.ending("b", claimed=False)]).errors[0].message
    gone = run.new_runner()
    bench.write(reclaim_jobs, run.workflow_id, ReclaimRequest(compute_node_ids=[gone], reason="gone"))
    late = run.ending("a", claimed=False, result_compute_node_id=gone)
    assert "the job is ready" in run.report([late]).errors[0].message


def test_what_ends_after_the_cancellation_is_refused_with_the_reason(run: Run) -> None:
    ending = run.ending("a")
    run.bench.write(cancel_workflow, run.workflow_id)
    answer = run.report([ending])
    assert "canceled" in answer.errors[0].message
    assert run.results("a") == []


def test_a_report_of_an_earlier_run_changes_nothing(run: Run) -> None:
    ending = run.ending("a")
    run.bench.write(reset_workflow_status, run.workflow_id, force=True)
    assert "is in run 2" in run.report([ending]).errors[0].message


def test_an_old_client_may_leave_the_attempt_out(run: Run) -> None:
    run.end("a", result_attempt_id=None)
    assert run.results("a") == [(1, 1, "completed", 0)]


def _single_start(run: Run, name: str, runner: int) -> None:
    run.bench.write(start_job, run.id(name), run_id=run.run_id, compute_node_id=runner)


def _batch_start(run: Run, name: str, runner: int) -> None:
    run.start(name, runner=runner)


@pytest.mark.parametrize("start", [_single_start, _batch_start])
def test_starting_again_is_harmless_for_the_same_runner_only(
    bench: Bench, start: Callable[[Run, str, int], None]
) -> None:
    run = bench.workflow([job("a")])
    run.claim()
    for _ in range(2):
        start(run, "a", run.runner)
    assert run.job("a").start_time == "2026-01-01T00:00:00.000Z"
    assert [event.event_type for event in bench.announced].count("job_started") == 1
    with pytest.raises((StateConflictError, AssertionError), match="not on"):
        start(run, "a", run.new_runner())


def test_a_start_tells_what_is_wrong_with_each_job_alone(run: Run) -> None:
    request = StartJobsRequest(
        run_id=1, compute_node_id=run.runner, job_ids=[run.id("a"), run.id("behind"), 999, run.id("b")]
    )
    answer = run.bench.write(start_jobs, run.workflow_id, request)
    assert answer.started == [run.id("a"), run.id("b")]
    assert [(error.job_id, error.code) for error in answer.errors] == [
        (run.id("behind"), "state_conflict"),
        (999, "not_found"),
    ]


def test_a_start_in_an_earlier_run_or_by_an_unknown_runner_is_refused(run: Run) -> None:
    with pytest.raises(StateConflictError, match="is in run 1"):
        run.bench.write(start_job, run.id("a"), run_id=2, compute_node_id=run.runner)
    with pytest.raises(NotFoundError, match="no compute node 77"):
        run.bench.write(start_job, run.id("a"), run_id=1, compute_node_id=77)


def test_a_retry_by_hand_needs_a_failed_job_and_an_attempt_left(run: Run) -> None:
    with pytest.raises(StateConflictError, match="blocked"):
        run.bench.write(retry_job, run.id("behind"), run_id=1, max_retries=3)
    run.end("a", S.FAILED)
    with pytest.raises(StateConflictError, match="attempt 1 of 1"):
        run.bench.write(retry_job, run.id("a"), run_id=1, max_retries=1)
    with pytest.raises(StateConflictError, match="is in run 1"):
        run.bench.write(retry_job, run.id("a"), run_id=2, max_retries=3)
    assert run.bench.write(retry_job, run.id("a"), run_id=1, max_retries=2).attempt_id == 2


def test_a_failure_that_waits_for_a_decision_is_not_retried_by_a_handler(run: Run) -> None:
    run.end("a", S.PENDING_FAILED)
    with pytest.raises(StateConflictError, match="pending_failed"):
        run.bench.write(retry_job, run.id("a"), run_id=1, max_retries=3)


def test_a_request_that_fails_leaves_no_trace(run: Run) -> None:
    def half(uow: UnitOfWork) -> None:
        uow.run("UPDATE job SET name = 'changed'")
        raise InvalidInputError("no")

    with pytest.raises(InvalidInputError):
        run.bench.write(half)
    assert run.bench.count("SELECT COUNT(*) FROM job WHERE name = 'changed'") == 0
