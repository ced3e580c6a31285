"""Runs of a workflow: initialized, reset, canceled, and reclaimed from lost runners."""

from datetime import timedelta
from pathlib import Path

import pytest
from services_bench import Bench, Run, job

from torc_core.api.drafts import FileDraft, UserDataDraft
from torc_core.api.jobs import JobModel, ReclaimRequest, ReleaseClaimsRequest, RetryRequest
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.errors import InvalidInputError, NotFoundError, StateConflictError
from torc_core.evidence.record import SchedulerFacts
from torc_core.jobs.lifecycle import INFRASTRUCTURE_FAULT_LIMIT
from torc_core.jobs.status import JobStatus
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.change_status import manage_status_change
from torc_server.services.jobs.job_records import create_jobs
from torc_server.services.jobs.reclaim import reclaim_jobs
from torc_server.services.jobs.start import release_claims
from torc_server.services.jobs.update_job import update_job
from torc_server.services.records.compute_nodes import create_scheduled_compute_node
from torc_server.services.records.workflows import archive_workflow
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.services.runs.reset import (
    cancel_workflow,
    find_changed_job_inputs,
    process_changed_job_inputs,
    reset_job_status,
    reset_workflow_status,
)
from torc_server.services.runs.summary import (
    is_complete,
    is_uninitialized,
    job_evidence,
)

S = JobStatus


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def again(run: Run, *, only_uninitialized: bool = True) -> None:
    run.bench.write(initialize_jobs, run.workflow_id, only_uninitialized=only_uninitialized)


def set_data(bench: Bench, name: str, text: str | None) -> None:
    bench.write(UnitOfWork.run, "UPDATE user_data SET data = :data WHERE name = :name", data=text, name=name)


# -- initialize --------------------------------------------------------------------------------


def test_initialize_says_how_many_jobs_are_ready_and_blocked(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0), job("c", 0)], initialize=False)
    assert bench.read(is_uninitialized, run.workflow_id).is_uninitialized
    result = bench.write(initialize_jobs, run.workflow_id)
    assert (result.ready_count, result.blocked_count) == (1, 2)
    assert not bench.read(is_uninitialized, run.workflow_id).is_uninitialized
    assert bench.announced[-1].event_type == "workflow_started"


@pytest.mark.parametrize("only_uninitialized", [True, False])
def test_initialize_leaves_jobs_alone_that_have_begun(bench: Bench, only_uninitialized: bool) -> None:
    run = bench.workflow([job("done"), job("running"), job("pending"), job("ready", 0), job("failed")])
    run.begin("done", "running", "failed")
    run.end("done")
    run.end("failed", S.FAILED)
    before = run.statuses()
    again(run, only_uninitialized=only_uninitialized)
    assert run.statuses() == before


def test_initializing_only_the_uninitialized_begins_their_dependents_anew(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0), job("c", 1), job("apart")])
    for name in ("a", "b", "c", "apart"):
        run.begin(name)
        run.end(name)
    bench.write(manage_status_change, run.id("b"), S.UNINITIALIZED, run_id=1)
    again(run)
    assert run.statuses() == {"a": "completed", "b": "ready", "c": "blocked", "apart": "completed"}


def test_a_job_behind_a_failure_that_stays_is_canceled_at_once(bench: Bench) -> None:
    run = bench.workflow([job("fails"), job("again"), job("both", 0, 1), job("last", 2)])
    run.begin("fails", "again")
    run.end("fails", S.FAILED)
    bench.write(manage_status_change, run.id("again"), S.UNINITIALIZED, run_id=1)
    again(run)
    assert run.statuses() == {"fails": "failed", "again": "ready", "both": "canceled", "last": "canceled"}


def test_attempts_count_on_within_a_run_and_begin_anew_in_the_next(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.begin("a")
    run.end("a", S.FAILED)
    bench.write(reset_job_status, run.workflow_id)
    again(run)
    assert run.state("a").attempt_id == 2
    run.begin("a")
    run.end("a", S.FAILED)
    bench.write(reset_workflow_status, run.workflow_id)
    run.run_id = 2
    bench.write(reset_job_status, run.workflow_id)
    again(run)
    assert run.state("a").attempt_id == 1
    run.begin("a")
    run.end("a")
    assert run.results("a") == [(1, 1, "failed", 1), (1, 2, "failed", 1), (2, 1, "completed", 0)]


def test_jobs_that_wait_for_each_other_are_named_and_nothing_changes(bench: Bench) -> None:
    files = [FileDraft(name="f", path="p"), FileDraft(name="g", path="q")]
    run = bench.workflow([job("a", output_files=[0])], files=files)
    f, g = bench.read(UnitOfWork.ids, "SELECT id FROM file ORDER BY id")
    circle = [
        JobModel(workflow_id=run.workflow_id, name="x", command="x", input_file_ids=[g], output_file_ids=[f]),
        JobModel(workflow_id=run.workflow_id, name="y", command="y", input_file_ids=[f], output_file_ids=[g]),
    ]
    bench.write(create_jobs, circle)
    with pytest.raises(InvalidInputError, match=r"wait for each other: (x → y → x|y → x → y)"):
        again(run)
    assert bench.count("SELECT COUNT(*) FROM job_depends_on") == 0


def test_a_dependency_found_later_holds_a_ready_job_back(bench: Bench) -> None:
    run = bench.workflow([job("reads", input_files=[0])], files=[FileDraft(name="f", path="p")])
    assert run.status("reads") is S.READY
    writer = JobModel(
        workflow_id=run.workflow_id, name="writes", command="x", output_file_ids=run.job("reads").input_file_ids
    )
    bench.write(create_jobs, [writer])
    again(run, only_uninitialized=False)
    assert run.status("reads") is S.BLOCKED


def test_ephemeral_data_is_forgotten_unless_its_producer_is_done(bench: Bench) -> None:
    data = [UserDataDraft(name=name, data=1, is_ephemeral=name != "kept") for name in ("kept", "made", "loose")]
    run = bench.workflow([job("a", output_user_data=[1])], user_data=data)
    run.begin("a")
    run.end("a")
    bench.write(initialize_jobs, run.workflow_id, clear_ephemeral_user_data=True)
    left = bench.read(UnitOfWork.rows, "SELECT name, data IS NOT NULL FROM user_data ORDER BY id")
    assert [tuple(row) for row in left] == [("kept", 1), ("made", 1), ("loose", 0)]


def test_jobs_whose_inputs_changed_are_found_and_begin_anew(bench: Bench) -> None:
    run = bench.workflow(
        [job("a", input_user_data=[0], output_user_data=[1]), job("b", input_user_data=[1]), job("c")],
        user_data=[UserDataDraft(name="given", data=1), UserDataDraft(name="made")],
    )
    for name in "abc":
        run.begin(name)
        if name == "a":
            set_data(bench, "made", '{"x": 1}')
        run.end(name)
    assert bench.read(find_changed_job_inputs, run.workflow_id).reinitialized_jobs == [], "a product is no change"
    set_data(bench, "given", "2")
    bench.write(UnitOfWork.run, "UPDATE job SET command = 'other' WHERE name = 'c'")
    assert bench.read(find_changed_job_inputs, run.workflow_id).reinitialized_jobs == ["a", "c"]
    assert run.status("a") is S.COMPLETED
    assert bench.write(process_changed_job_inputs, run.workflow_id).reinitialized_jobs == ["a", "c"]
    again(run)
    assert run.statuses() == {"a": "ready", "b": "blocked", "c": "ready"}
    assert bench.write(process_changed_job_inputs, run.workflow_id).reinitialized_jobs == []


# -- reset, cancel, change by hand --------------------------------------------------------------


def test_failed_jobs_are_reset_with_everything_that_depends_on_them(bench: Bench) -> None:
    flags = {"cancel_on_blocking_job_failure": False}
    run = bench.workflow([job("fails"), job("anyway", 0, **flags), job("good"), job("waits"), job("behind", 3)])
    run.begin("fails", "good", "waits")
    run.end("fails", S.FAILED)
    run.end("good")
    run.end("waits", S.PENDING_FAILED)
    run.begin("anyway")
    run.end("anyway")
    answer = bench.write(reset_job_status, run.workflow_id, failed_only=True)
    assert (answer.updated_count, answer.reset_type) == (2, "failed_only")
    assert run.statuses() == {
        "fails": "uninitialized",
        "anyway": "uninitialized",
        "good": "completed",
        "waits": "uninitialized",
        "behind": "uninitialized",
    }


def test_resetting_everything_spares_disabled_jobs_and_forgets_faults(bench: Bench) -> None:
    run = bench.workflow([job("off"), job("on", 0), job("done")], initialize=False)
    bench.write(update_job, run.id("off"), run.job("off").model_copy(update={"status": S.DISABLED}))
    again(run)
    run.begin("on", "done")
    run.end("done")
    answer = bench.write(reset_job_status, run.workflow_id)
    assert (answer.updated_count, answer.reset_type) == (2, None)
    assert run.statuses() == {"off": "disabled", "on": "uninitialized", "done": "uninitialized"}


def test_a_new_run_is_refused_while_something_is_at_work_unless_forced(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.claim()
    with pytest.raises(StateConflictError, match="1 jobs are pending or running") as refused:
        bench.write(reset_workflow_status, run.workflow_id)
    assert "--force" in str(refused.value.hint)
    assert bench.count("SELECT run_id FROM workflow") == 1
    assert bench.write(reset_workflow_status, run.workflow_id, force=True).run_id == 2


@pytest.mark.parametrize("status", ["pending", "active"])
def test_a_new_run_is_refused_while_allocations_are_there(bench: Bench, status: str) -> None:
    run = bench.workflow([])
    node = ScheduledComputeNodeModel(
        workflow_id=run.workflow_id, scheduler_id=1, scheduler_config_id=1, scheduler_type="slurm", status=status
    )
    bench.write(create_scheduled_compute_node, node)
    with pytest.raises(StateConflictError, match="1 allocations"):
        bench.write(reset_workflow_status, run.workflow_id)


def test_an_archived_workflow_is_not_reset_even_by_force(bench: Bench) -> None:
    run = bench.workflow([])
    bench.write(archive_workflow, run.workflow_id, is_archived=True)
    with pytest.raises(StateConflictError, match="archived"):
        bench.write(reset_workflow_status, run.workflow_id, force=True)


def test_canceling_stops_what_is_at_work_and_a_new_run_lifts_it(bench: Bench) -> None:
    run = bench.workflow([job("running"), job("pending"), job("behind", 0), job("waits", 1)])
    run.begin("running")
    answer = bench.write(cancel_workflow, run.workflow_id)
    assert answer.canceled_jobs == 4
    assert set(run.statuses().values()) == {"canceled"}
    assert bench.read(is_complete, run.workflow_id).is_canceled
    assert bench.write(cancel_workflow, run.workflow_id).canceled_jobs == 0
    assert bench.count("SELECT COUNT(*) FROM event WHERE json_extract(data, '$.category') = 'workflow_canceled'") == 1
    assert bench.write(reset_workflow_status, run.workflow_id).is_canceled is False


@pytest.mark.parametrize("target", [S.COMPLETED, S.FAILED, S.CANCELED, S.TERMINATED])
def test_nobody_finishes_a_job_by_hand(bench: Bench, target: S) -> None:
    run = bench.workflow([job("a")])
    run.begin("a")
    with pytest.raises(StateConflictError, match="by hand"):
        bench.write(manage_status_change, run.id("a"), target, run_id=1)


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        ("ready", S.READY, True),
        ("ready", S.UNINITIALIZED, True),
        ("ready", S.PENDING, False),
        ("ready", S.RUNNING, True),
        ("blocked", S.READY, False),
        ("running", S.PENDING_FAILED, True),
        ("running", S.READY, True),
        ("pending", S.READY, True),
        ("pending", S.RUNNING, False),
        ("blocked", S.DISABLED, False),
    ],
)
def test_a_change_by_hand_follows_the_lifecycle(bench: Bench, source: str, target: S, allowed: bool) -> None:
    run = bench.workflow([job("pending", priority=2), job("running", priority=1), job("ready"), job("blocked", 2)])
    run.claim(limit=2)
    run.start("running")
    assert run.status(source) == source
    if allowed:
        assert bench.write(manage_status_change, run.id(source), target, run_id=1).status is target
    else:
        with pytest.raises(StateConflictError, match=r"cannot become|is held by compute node"):
            bench.write(manage_status_change, run.id(source), target, run_id=1)
    with pytest.raises(StateConflictError, match="is in run 1"):
        bench.write(manage_status_change, run.id(source), target, run_id=5)


# -- lost runners -------------------------------------------------------------------------------


def lose(run: Run, *, requeue: bool) -> list[tuple[str, str]]:
    """Reclaim everything of the present runner, and go on with another one."""
    request = ReclaimRequest(compute_node_ids=[run.runner], requeue=requeue, reason="the host is down")
    answer = run.bench.write(reclaim_jobs, run.workflow_id, request)
    assert run.bench.write(reclaim_jobs, run.workflow_id, request).jobs == []
    run.runner = run.new_runner()
    return [(reclaimed.job_name, reclaimed.outcome) for reclaimed in answer.jobs]


def test_jobs_of_a_lost_runner_go_back_with_a_record_of_what_happened(bench: Bench) -> None:
    run = bench.workflow([job("started"), job("claimed"), job("behind", 0)])
    run.begin("started")
    bench.clock.go_on(minutes=3)
    lost = run.runner
    assert lose(run, requeue=True) == [("claimed", "released"), ("started", "requeued")]
    assert run.statuses() == {"started": "ready", "claimed": "ready", "behind": "blocked"}
    assert [(run.state(name).attempt_id, run.state(name).infrastructure_faults) for name in ("started", "claimed")] == [
        (2, 1),
        (2, 0),
    ]
    assert run.results("started") == [(1, 1, "failed", -128)]
    assert bench.count("SELECT exec_time_minutes FROM result") == pytest.approx(3)
    evidence = bench.read(job_evidence, run.id("started")).evidence
    assert (evidence.return_code, evidence.verdict, evidence.node) == (-128, "lost", "node-1")
    assert evidence.scheduler is not None
    assert evidence.scheduler.reason == "the host is down"
    assert bench.count("SELECT is_active FROM compute_node WHERE id = :id", id=lost) == 0


def test_the_end_of_an_allocation_is_kept_in_the_scheduler_s_words(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.begin("a")
    ended_at = bench.clock.now + timedelta(minutes=2)
    bench.clock.go_on(minutes=30)
    facts = SchedulerFacts(
        type="slurm", job_id="77", state="NODE_FAIL", reason="its allocation 77 has ended: NODE_FAIL"
    )
    request = ReclaimRequest(
        compute_node_ids=[run.runner], reason="its allocation 77 has ended", scheduler=facts, ended_at=ended_at
    )
    bench.write(reclaim_jobs, run.workflow_id, request)
    evidence = bench.read(job_evidence, run.id("a")).evidence
    assert (evidence.return_code, evidence.scheduler) == (-128, facts)
    assert evidence.runtime_s == pytest.approx(120), "it ended with its allocation, not when that was noticed"


def test_a_claim_that_was_lost_with_its_runner_gets_another_attempt_number_and_is_charged_to_no_rule(
    bench: Bench,
) -> None:
    run = bench.workflow([job("a")])
    for lost in range(1, INFRASTRUCTURE_FAULT_LIMIT + 3):
        run.claim()
        assert lose(run, requeue=False) == [("a", "released")], "what was never started is no failure"
        assert (run.status("a"), run.state("a").attempt_id) == (S.READY, lost + 1)
    assert run.results("a") == []
    run.begin("a")
    answer = run.report([run.ending("a", S.FAILED, retry=RetryRequest(max_retries=2))])
    assert answer.retried == [run.id("a")]
    run.begin("a")
    answer = run.report([run.ending("a", S.FAILED, retry=RetryRequest(max_retries=2))])
    assert answer.retried == []


def test_lost_claims_leave_the_bound_of_infrastructure_faults_alone(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    for _ in range(INFRASTRUCTURE_FAULT_LIMIT):
        run.claim()
        lose(run, requeue=True)
    for _ in range(INFRASTRUCTURE_FAULT_LIMIT):
        run.begin("a")
        assert lose(run, requeue=True) == [("a", "requeued")]
    run.begin("a")
    assert lose(run, requeue=True) == [("a", "pending_failed")]


def reset_and_initialize(run: Run) -> int:
    run.bench.write(manage_status_change, run.id("a"), S.UNINITIALIZED, run_id=1)
    run.bench.write(initialize_jobs, run.workflow_id)
    return run.state("a").attempt_id


def test_a_job_that_is_reset_within_a_run_gets_no_attempt_number_again(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    for _ in range(3):
        run.claim()
        lose(run, requeue=True)
    assert [reset_and_initialize(run), reset_and_initialize(run)] == [4, 4]
    run.begin("a")
    run.report([run.ending("a", S.FAILED)])
    assert reset_and_initialize(run) == 5
    run.begin("a")
    assert reset_and_initialize(run) == 6, "attempt 5 was under way and may have written a log"


def test_numbers_that_were_lost_are_charged_to_no_rule_after_a_reset(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    for _ in range(3):
        run.begin("a")
        reset_and_initialize(run)
    for is_retried in (True, False):
        run.begin("a")
        answer = run.report([run.ending("a", S.FAILED, retry=RetryRequest(max_retries=2))])
        assert bool(answer.retried) is is_retried


def test_a_job_that_was_lost_with_its_launcher_is_suspect_until_an_attempt_ends(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b")])
    run.begin("a")
    run.report([run.ending("a", S.FAILED, infrastructure_fault=True)])
    assert (run.state("a").is_suspect, run.state("b").is_suspect) == (1, 0)
    run.begin("a")
    lose(run, requeue=True)
    assert run.state("a").is_suspect, "the loss of a runner tells nothing about it"
    run.begin("a")
    run.report([run.ending("a", S.FAILED, retry=RetryRequest(max_retries=9))])
    assert not run.state("a").is_suspect


def test_a_claim_that_its_runner_gives_back_keeps_its_attempt_number(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.claim()
    bench.write(release_claims, run.workflow_id, ReleaseClaimsRequest(job_ids=[run.id("a")]))
    assert (run.state("a").attempt_id, run.state("a").infrastructure_faults) == (1, 0)


@pytest.mark.parametrize(("in_use", "outcome"), [(True, "pending_failed"), (False, "failed")])
def test_without_a_second_chance_lost_jobs_fail_or_wait_for_a_decision(
    tmp_path: Path, in_use: bool, outcome: str
) -> None:
    run = Bench.at(tmp_path / "torc.db", use_pending_failed=in_use).workflow([job("a"), job("behind", 0)])
    run.begin("a")
    assert lose(run, requeue=False) == [("a", outcome)]
    assert run.statuses() == {"a": outcome, "behind": "blocked" if in_use else "canceled"}


def test_infrastructure_faults_have_a_limit_of_their_own(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    for _ in range(INFRASTRUCTURE_FAULT_LIMIT):
        run.begin("a")
        assert lose(run, requeue=True) == [("a", "requeued")]
    run.begin("a")
    attempt = INFRASTRUCTURE_FAULT_LIMIT + 1
    assert run.state("a").attempt_id == attempt
    answer = run.report([run.ending("a", S.FAILED, retry=RetryRequest(max_retries=2))])
    assert answer.retried == [run.id("a")], "lost attempts are not charged to the handler"
    run.begin("a")
    assert lose(run, requeue=True) == [("a", "pending_failed")]


def test_a_report_of_an_attempt_that_was_reclaimed_is_not_needed_any_more(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.begin("a")
    late = run.ending("a")
    lose(run, requeue=True)
    run.begin("a")
    answer = run.report([late])
    assert (answer.completed, answer.errors) == ([run.id("a")], [])
    assert (run.status("a"), run.results("a")) == (S.RUNNING, [(1, 1, "failed", -128)])


def test_only_runners_of_the_workflow_are_reclaimed(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    other = bench.workflow([job("x")])
    other.begin("x")
    with pytest.raises(NotFoundError, match="no compute node"):
        bench.write(reclaim_jobs, run.workflow_id, ReclaimRequest(compute_node_ids=[other.runner], reason="r"))
    assert other.status("x") is S.RUNNING
