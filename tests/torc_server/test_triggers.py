"""Actions become due once, when what they wait for has happened."""

from pathlib import Path

import pytest
from services_bench import Bench, Run, job

from torc_core.api.actions import ClaimActionRequest, WorkflowActionModel
from torc_core.jobs.status import JobStatus
from torc_server.services.jobs.change_status import manage_status_change
from torc_server.services.jobs.job_records import delete_job
from torc_server.services.jobs.retry import retry_job
from torc_server.services.records.actions import claim_action, create_action, list_actions, pending_actions
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.services.runs.reset import cancel_workflow, reset_job_status, reset_workflow_status

S = JobStatus


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def act(run: Run, trigger_type: str, *names: str, **fields: bool) -> int:
    """Adds an action that these jobs gate; returns its id."""
    model = WorkflowActionModel(
        workflow_id=run.workflow_id,
        trigger_type=trigger_type,
        action_type="run_commands",
        action_config={"commands": ["true"]},
        job_ids=[run.id(name) for name in names] or None,
        **fields,
    )
    made = run.bench.write(create_action, run.workflow_id, model).id
    assert made is not None
    return made


def due(run: Run) -> list[str]:
    return [action.trigger_type for action in run.bench.read(pending_actions, run.workflow_id, ())]


def carry_out(run: Run, action_id: int) -> None:
    run.bench.write(claim_action, run.workflow_id, action_id, ClaimActionRequest(compute_node_id=run.runner))


def initialized(bench: Bench, *trigger_types: str) -> tuple[Run, list[int]]:
    """a → b, and an action for each trigger, gated by both where jobs gate it."""
    run = bench.workflow([job("a"), job("b", 0)], initialize=False)
    gated = {"on_jobs_ready", "on_jobs_complete"}
    actions = [act(run, kind, *(("a", "b") if kind in gated else ())) for kind in trigger_types]
    bench.write(initialize_jobs, run.workflow_id)
    return run, actions


def test_the_start_and_the_runners_actions_are_due_when_jobs_are_initialized(bench: Bench) -> None:
    run, _ = initialized(bench, "on_workflow_start", "on_worker_start", "on_worker_complete", "on_workflow_complete")
    assert due(run) == ["on_workflow_start", "on_worker_start", "on_worker_complete"]


def test_an_action_is_due_when_all_its_jobs_have_become_ready(bench: Bench) -> None:
    run, _ = initialized(bench, "on_jobs_ready")
    run.begin("a")
    assert due(run) == []
    run.end("a")
    assert due(run) == ["on_jobs_ready"]


def test_an_action_is_due_when_all_its_jobs_are_done_also_by_cancellation(bench: Bench) -> None:
    run, _ = initialized(bench, "on_jobs_complete", "on_workflow_complete")
    run.begin("a")
    assert due(run) == []
    run.end("a", S.FAILED)
    assert due(run) == ["on_jobs_complete", "on_workflow_complete"]


def test_a_failure_that_waits_for_a_decision_completes_nothing(bench: Bench) -> None:
    run, _ = initialized(bench, "on_jobs_complete", "on_workflow_complete")
    run.begin("a")
    run.end("a", S.PENDING_FAILED)
    assert due(run) == []


def test_a_job_counts_once_however_often_it_is_tried(bench: Bench) -> None:
    run, (action,) = initialized(bench, "on_jobs_complete")
    for _ in range(2):
        run.begin("a")
        run.end("a", S.TERMINATED)
        bench.write(retry_job, run.id("a"), run_id=1, max_retries=9)
    (found,) = bench.read(list_actions, run.workflow_id)
    assert (found.id, found.trigger_count, found.required_triggers) == (action, 2, 2)


def test_a_whole_initialize_arms_every_action_again_and_drops_recovery_actions(bench: Bench) -> None:
    run, (start, done) = initialized(bench, "on_workflow_start", "on_jobs_complete")
    act(run, "on_workflow_start", is_recovery=True)
    for name in "ab":
        run.begin(name)
        run.end(name)
    carry_out(run, start)
    carry_out(run, done)
    bench.write(reset_job_status, run.workflow_id)
    bench.write(initialize_jobs, run.workflow_id)
    found = {action.trigger_type: action for action in bench.read(list_actions, run.workflow_id)}
    assert [action.executed for action in found.values()] == [False, False]
    assert (found["on_workflow_start"].trigger_count, found["on_jobs_complete"].trigger_count) == (1, 0)


def test_a_partial_initialize_keeps_done_what_still_holds(bench: Bench) -> None:
    run, (start, done, ready) = initialized(bench, "on_workflow_start", "on_jobs_complete", "on_jobs_ready")
    first = act(run, "on_jobs_complete", "a")
    for name in "ab":
        run.begin(name)
        run.end(name)
    for action in (start, done, ready, first):
        carry_out(run, action)
    bench.write(manage_status_change, run.id("b"), S.UNINITIALIZED, run_id=1)
    bench.write(initialize_jobs, run.workflow_id, only_uninitialized=True)
    executed = {action.id: action.executed for action in bench.read(list_actions, run.workflow_id)}
    assert executed == {start: True, done: False, ready: False, first: True}
    assert due(run) == ["on_jobs_ready"], "b is ready again, and a was before"
    run.begin("b")
    run.end("b")
    assert due(run) == ["on_jobs_complete", "on_jobs_ready"]


def test_a_new_run_lets_every_action_be_carried_out_again(bench: Bench) -> None:
    run, actions = initialized(bench, "on_workflow_start", "on_jobs_ready", "on_jobs_complete", "on_workflow_complete")
    first = act(run, "on_jobs_complete", "a")
    for name in "ab":
        run.begin(name)
        run.end(name, S.TERMINATED if name == "b" else S.COMPLETED)
    for action in (*actions, first):
        carry_out(run, action)
    assert due(run) == []
    bench.write(reset_workflow_status, run.workflow_id)
    assert due(run) == []
    bench.write(reset_job_status, run.workflow_id, failed_only=True)
    bench.write(initialize_jobs, run.workflow_id, only_uninitialized=True)
    run.run_id = 2
    # a stays completed and counts, so that what waited for a alone is due at once
    assert due(run) == ["on_workflow_start", "on_jobs_ready", "on_jobs_complete"]
    assert first in {action.id for action in bench.read(pending_actions, run.workflow_id, ())}
    run.begin("b")
    run.end("b")
    assert due(run).count("on_jobs_complete") == 2
    assert "on_workflow_complete" in due(run)


def test_a_cancellation_ends_what_waits_and_makes_the_actions_of_the_end_due(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0), job("c")], initialize=False)
    for kind, names in (("on_jobs_complete", "abc"), ("on_workflow_complete", ""), ("on_jobs_ready", "b")):
        act(run, kind, *names)
    bench.write(initialize_jobs, run.workflow_id)
    run.claim(limit=1)
    run.start("a")
    bench.write(cancel_workflow, run.workflow_id)
    assert run.statuses() == dict.fromkeys("abc", "canceled")
    assert due(run) == ["on_jobs_complete", "on_workflow_complete"]


def test_a_workflow_that_was_never_initialized_has_no_end_to_act_on(bench: Bench) -> None:
    run = bench.workflow([job("a")], initialize=False)
    act(run, "on_workflow_complete")
    bench.write(cancel_workflow, run.workflow_id)
    assert (due(run), run.statuses()) == ([], {"a": "uninitialized"})


def test_an_action_does_not_wait_for_a_deleted_job(bench: Bench) -> None:
    run, _ = initialized(bench, "on_jobs_complete")
    run.begin("a")
    run.end("a")
    bench.write(delete_job, run.id("b"))
    assert due(run) == ["on_jobs_complete"]


def test_a_workflow_is_complete_when_the_last_job_that_was_left_is_deleted(bench: Bench) -> None:
    run, _ = initialized(bench, "on_workflow_complete")
    run.begin("a")
    run.end("a")
    assert due(run) == []
    bench.write(delete_job, run.id("b"))
    assert due(run) == ["on_workflow_complete"]


def test_an_action_hears_of_a_job_that_is_ready_because_what_it_waited_for_was_deleted(bench: Bench) -> None:
    run, _ = initialized(bench, "on_jobs_ready")
    bench.write(delete_job, run.id("a"))
    assert run.status("b") == S.READY
    assert due(run) == ["on_jobs_ready"]


def test_an_action_hears_of_a_job_that_was_made_ready_by_hand(bench: Bench) -> None:
    run, _ = initialized(bench, "on_jobs_ready")
    bench.write(manage_status_change, run.id("b"), S.UNINITIALIZED, run_id=1)
    run.begin("a")
    run.end("a")
    assert due(run) == []
    bench.write(manage_status_change, run.id("b"), S.READY, run_id=1)
    assert due(run) == ["on_jobs_ready"]
