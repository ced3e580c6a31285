"""A request whose answer was lost is sent again with its key, and changes nothing the second time."""

from pathlib import Path

import pytest
from services_bench import Bench, job

from torc_core.api.drafts import FileDraft, JobDraft, WorkflowDraft
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import AlreadyTakenError, InvalidInputError, StateConflictError
from torc_server.db.sql import sql
from torc_server.db.unit_of_work import read_unit
from torc_server.services.records.compute_nodes import COMPUTE_NODES, create_compute_node, update_compute_node
from torc_server.services.records.workflows import get_workflow
from torc_server.services.runs.create import create_workflow_from_draft
from torc_server.services.runs.reset import reset_workflow_status


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def runner(workflow_id: int, registration: str | None) -> ComputeNodeModel:
    return ComputeNodeModel(
        workflow_id=workflow_id,
        hostname="here",
        pid=7,
        start_time="2026-01-01T00:00:00Z",
        num_cpus=4,
        num_gpus=0,
        num_nodes=1,
        memory_gb=8.0,
        compute_node_type="local",
        registration=registration,
    )


def draft(key: str | None, *, name: str = "keyed", user: str = "tester") -> WorkflowDraft:
    jobs = [JobDraft(name="a", command="true"), JobDraft(name="b", command="true", depends_on=[0])]
    workflow = WorkflowModel(name=name, user=user)
    return WorkflowDraft(creation_key=key, workflow=workflow, jobs=jobs, files=[FileDraft(name="f", path="f")])


def count(bench: Bench, table: str) -> int:
    with read_unit(bench.database, bench.settings) as uow:
        return int(uow.value(sql("SELECT COUNT(*) FROM $table", table=table)))


def test_a_registration_sent_twice_gives_one_runner(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    before = count(bench, "compute_node")
    first = bench.write(create_compute_node, runner(run.workflow_id, "mine"))
    again = bench.write(create_compute_node, runner(run.workflow_id, "mine"))
    assert again.id == first.id
    assert count(bench, "compute_node") == before + 1


def test_other_registrations_and_none_give_runners_of_their_own(bench: Bench) -> None:
    one, other = bench.workflow([job("a")]), bench.workflow([job("a")])
    keys = [(one, "mine"), (one, "yours"), (other, "mine"), (one, None), (one, None)]
    ids = {bench.write(create_compute_node, runner(run.workflow_id, key)).id for run, key in keys}
    assert len(ids) == len(keys)


def test_a_registration_is_kept_as_it_is(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    node = bench.write(create_compute_node, runner(run.workflow_id, "mine"))
    bench.write(update_compute_node, node.id or 0, node.model_copy(update={"is_active": False}))
    with pytest.raises(InvalidInputError, match="registration of compute node"):
        bench.write(update_compute_node, node.id or 0, node.model_copy(update={"registration": "yours"}))
    assert bench.read(COMPUTE_NODES.get, node.id or 0).registration == "mine"


def test_a_draft_sent_twice_gives_one_workflow_and_the_same_answer(bench: Bench) -> None:
    first = bench.write(create_workflow_from_draft, draft("one"))
    again = bench.write(create_workflow_from_draft, draft("one"))
    assert again == first
    assert (count(bench, "workflow"), count(bench, "job"), count(bench, "file")) == (1, 2, 1)


def test_drafts_with_other_keys_or_none_are_workflows_of_their_own(bench: Bench) -> None:
    keys = ("one", "two", None, None)
    ids = {bench.write(create_workflow_from_draft, draft(key)).workflow.id for key in keys}
    assert len(ids) == len(keys)


@pytest.mark.parametrize("other", [draft("one", name="another"), draft("one", user="another")])
def test_the_key_of_another_workflow_is_refused(bench: Bench, other: WorkflowDraft) -> None:
    bench.write(create_workflow_from_draft, draft("one"))
    with pytest.raises(AlreadyTakenError, match="creation key is that of another workflow"):
        bench.write(create_workflow_from_draft, other)
    assert count(bench, "workflow") == 1


def test_the_same_run_begun_twice_begins_once(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    for _ in range(2):
        assert bench.write(reset_workflow_status, run.workflow_id, run_id=2).run_id == 2
    with pytest.raises(StateConflictError, match="is in run 2: run 5 cannot begin"):
        bench.write(reset_workflow_status, run.workflow_id, run_id=5)
    assert bench.read(get_workflow, run.workflow_id).run_id == 2
    assert bench.write(reset_workflow_status, run.workflow_id).run_id == 3
