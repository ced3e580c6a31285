"""Records of submissions: stored once, and never back in the queue."""

from pathlib import Path

import pytest
from services_bench import Bench, Run, job

from torc_core.api.actions import ClaimActionRequest, FinishActionRequest, WorkflowActionModel
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.errors import AlreadyTakenError
from torc_server.services.records.actions import claim_action, create_action, finish_action, list_actions
from torc_server.services.records.compute_nodes import (
    SCHEDULED_NODES,
    create_scheduled_compute_node,
    update_scheduled_compute_node,
)
from torc_server.services.runs.initialize import initialize_jobs


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Bench.at(tmp_path / "torc.db").workflow([job("a")], initialize=False)


def store(run: Run, **fields: object) -> ScheduledComputeNodeModel:
    given = {"scheduler_id": 0, "scheduler_config_id": 1, "scheduler_type": "slurm", "status": "submitting"}
    record = ScheduledComputeNodeModel.model_validate(given | {"workflow_id": run.workflow_id} | fields)
    return run.bench.write(create_scheduled_compute_node, record)


def read(run: Run, record: ScheduledComputeNodeModel) -> ScheduledComputeNodeModel:
    return run.bench.read(SCHEDULED_NODES.get, record.id or 0)


def change(run: Run, record: ScheduledComputeNodeModel, **fields: object) -> ScheduledComputeNodeModel:
    return run.bench.write(update_scheduled_compute_node, record.id or 0, record.model_copy(update=fields))


def test_a_submission_that_is_known_is_answered_with_its_record(run: Run) -> None:
    first = store(run, submission="action 1")
    assert store(run, submission="action 1", scheduler_id=9).id == first.id
    assert store(run, submission="action 2").id != first.id
    assert store(run).id != store(run).id


def test_an_allocation_that_has_begun_is_not_pending_again(run: Run) -> None:
    record = store(run)
    assert change(run, record, status="pending", scheduler_id=7).status == "pending"
    change(run, record, status="active", scheduler_id=7)
    late = change(run, record, status="pending", scheduler_id=7)
    assert (late.status, late.scheduler_id) == ("active", 7)
    assert change(run, record, status="complete", scheduler_id=7).status == "complete"


def test_the_record_of_an_array_is_complete_when_all_its_tasks_have_begun(run: Run) -> None:
    array = store(run, array="0-2%1", status="pending", scheduler_id=7)
    for task, status in enumerate(("pending", "pending", "complete")):
        store(run, array_record_id=array.id, status="active", scheduler_id=7 + task, submission=f"task {task}")
        store(run, array_record_id=array.id, status="active", scheduler_id=7 + task, submission=f"task {task}")
        assert read(run, array).status == status


def test_a_claim_is_taken_over_only_by_its_name_and_only_while_it_is_open_or_failed(run: Run) -> None:
    model = WorkflowActionModel(
        workflow_id=run.workflow_id,
        trigger_type="on_workflow_start",
        action_type="schedule_nodes",
        action_config={"scheduler_id": 1},
    )
    action_id = run.bench.write(create_action, run.workflow_id, model).id or 0
    run.bench.write(initialize_jobs, run.workflow_id)

    def claim(name: str, replaces: str | None = None) -> None:
        request = ClaimActionRequest(claim=name, replaces=replaces)
        run.bench.write(claim_action, run.workflow_id, action_id, request)

    def finish(name: str, outcome: str) -> None:
        request = FinishActionRequest.model_validate({"claim": name, "outcome": outcome, "failure": "refused"})
        run.bench.write(finish_action, run.workflow_id, action_id, request)

    claim("first")
    with pytest.raises(AlreadyTakenError):
        claim("second", replaces="another")
    claim("second", replaces="first")
    with pytest.raises(AlreadyTakenError):
        claim("third", replaces="first")
    finish("second", "failed")
    claim("third", replaces="second")
    [action] = run.bench.read(list_actions, run.workflow_id)
    assert (action.state, action.claim, action.failure) == ("claimed", "third", None)
    finish("third", "succeeded")
    with pytest.raises(AlreadyTakenError):
        claim("fourth", replaces="third")
