"""An action is claimed by one runner, which reports its end; a runner that dies meanwhile loses no action."""

from pathlib import Path

import pytest
from services_bench import Bench, Run, job

from torc_core.api.actions import ClaimActionRequest, FinishActionRequest, WorkflowActionModel
from torc_core.api.jobs import ReclaimRequest
from torc_core.errors import AlreadyTakenError, StateConflictError
from torc_core.jobs.status import JobStatus
from torc_server.services.jobs.reclaim import reclaim_jobs
from torc_server.services.records.actions import (
    claim_action,
    create_action,
    finish_action,
    list_actions,
    pending_actions,
)
from torc_server.services.records.compute_nodes import get_compute_node, update_compute_node
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.services.runs.reset import reset_job_status


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Bench.at(tmp_path / "torc.db").workflow([job("a"), job("b", 0)], initialize=False)


def add(run: Run, trigger_type: str = "on_workflow_start", **fields: bool) -> int:
    model = WorkflowActionModel(
        workflow_id=run.workflow_id,
        trigger_type=trigger_type,
        action_type="run_commands",
        action_config={"commands": ["true"]},
        **fields,
    )
    action_id = run.bench.write(create_action, run.workflow_id, model).id
    assert action_id is not None
    return action_id


def started(run: Run, trigger_type: str = "on_workflow_start", **fields: bool) -> int:
    action_id = add(run, trigger_type, **fields)
    run.bench.write(initialize_jobs, run.workflow_id)
    return action_id


def claim(run: Run, action_id: int, name: str = "mine", *, runner: int | None = None) -> None:
    request = ClaimActionRequest(compute_node_id=runner or run.runner, claim=name)
    run.bench.write(claim_action, run.workflow_id, action_id, request)


def finish(run: Run, action_id: int, name: str = "mine", **fields: object) -> WorkflowActionModel:
    request = FinishActionRequest.model_validate({"claim": name, "outcome": "succeeded"} | fields)
    return run.bench.write(finish_action, run.workflow_id, action_id, request)


def the_action(run: Run) -> WorkflowActionModel:
    (action,) = run.bench.read(list_actions, run.workflow_id)
    return action


def pending(run: Run, *, runner: int | None = None) -> list[int | None]:
    found = run.bench.read(pending_actions, run.workflow_id, (), compute_node_id=runner)
    return [action.id for action in found]


def test_the_same_claim_may_be_made_again_and_another_one_may_not(run: Run) -> None:
    action_id = started(run)
    claim(run, action_id)
    claim(run, action_id)
    with pytest.raises(AlreadyTakenError):
        claim(run, action_id, "another")


def test_a_runner_is_shown_what_it_claimed_and_did_not_finish(run: Run) -> None:
    action_id = started(run)
    claim(run, action_id)
    assert pending(run) == []
    assert pending(run, runner=run.runner) == [action_id]
    assert pending(run, runner=run.new_runner()) == []
    finish(run, action_id)
    assert pending(run, runner=run.runner) == []


def test_claimed_and_finished_are_two_states(run: Run) -> None:
    action_id = started(run)
    assert the_action(run).state == "pending"
    claim(run, action_id)
    assert (the_action(run).state, the_action(run).executed) == ("claimed", True)
    assert finish(run, action_id).state == "executed"


def test_a_failed_action_keeps_its_exit_code_and_log_and_is_announced_once(run: Run) -> None:
    action_id = started(run)
    claim(run, action_id)
    for _ in range(2):
        finish(run, action_id, outcome="failed", return_code=3, failure="command 1 exited with 3", log="/out/a.log")
    action = the_action(run)
    assert (action.state, action.return_code, action.log) == ("failed", 3, "/out/a.log")
    assert [event.event_type for event in run.bench.announced].count("action_failed") == 1


def test_a_claim_without_a_name_counts_as_finished(run: Run) -> None:
    action_id = started(run)
    run.bench.write(claim_action, run.workflow_id, action_id, ClaimActionRequest(compute_node_id=run.runner))
    assert the_action(run).state == "executed"
    reclaim(run)
    assert pending(run) == []


def reclaim(run: Run) -> None:
    request = ReclaimRequest(compute_node_ids=[run.runner], requeue=True, reason="it is gone")
    run.bench.write(reclaim_jobs, run.workflow_id, request)


def test_the_unfinished_action_of_a_lost_runner_is_due_again_and_its_old_claim_is_void(run: Run) -> None:
    action_id = started(run)
    claim(run, action_id)
    reclaim(run)
    assert pending(run) == [action_id]
    with pytest.raises(StateConflictError):
        claim(run, action_id)
    another = run.new_runner()
    claim(run, action_id, "another", runner=another)
    with pytest.raises(StateConflictError):
        finish(run, action_id, outcome="failed")
    assert finish(run, action_id, "another").state == "executed"


def test_an_action_without_retry_is_unknown_after_its_runner_was_lost(run: Run) -> None:
    action_id = started(run, retry=False)
    claim(run, action_id)
    reclaim(run)
    assert (pending(run), the_action(run).state) == ([], "unknown")
    assert "action_unknown" in [event.event_type for event in run.bench.announced]
    assert the_action(run).id == action_id


def test_a_finished_action_of_a_lost_runner_stays_finished(run: Run) -> None:
    action_id = started(run)
    claim(run, action_id)
    finish(run, action_id)
    reclaim(run)
    assert (pending(run), the_action(run).state) == ([], "executed")


def test_a_runner_that_leaves_gives_up_what_it_did_not_finish(run: Run) -> None:
    action_id = started(run)
    claim(run, action_id)
    node = run.bench.read(get_compute_node, run.runner)
    run.bench.write(update_compute_node, run.runner, node.model_copy(update={"is_active": False}))
    assert pending(run) == [action_id]


def test_the_success_of_one_runner_does_not_hide_the_failure_of_another(run: Run) -> None:
    action_id = started(run, "on_worker_start", persistent=True)
    another = run.new_runner()
    claim(run, action_id)
    claim(run, action_id, "another", runner=another)
    finish(run, action_id, outcome="failed", return_code=1)
    assert finish(run, action_id, "another").state == "failed"
    assert pending(run) == [action_id]


def complete(run: Run) -> None:
    for name in "ab":
        run.begin(name)
        run.end(name)


def test_after_a_reset_of_all_jobs_the_start_is_due_again_also_in_a_partial_initialize(run: Run) -> None:
    action_id = started(run)
    claim(run, action_id)
    finish(run, action_id)
    complete(run)
    run.bench.write(reset_job_status, run.workflow_id)
    run.bench.write(initialize_jobs, run.workflow_id, only_uninitialized=True)
    assert pending(run) == [action_id]


def test_an_end_action_that_is_due_stays_due_when_a_complete_workflow_is_initialized_again(run: Run) -> None:
    action_id = started(run, "on_workflow_complete")
    run.begin("a")
    run.end("a", JobStatus.FAILED)
    run.bench.write(initialize_jobs, run.workflow_id, only_uninitialized=True)
    assert pending(run) == [action_id]
    claim(run, action_id)
    finish(run, action_id)
    run.bench.write(initialize_jobs, run.workflow_id, only_uninitialized=True)
    assert pending(run) == []
