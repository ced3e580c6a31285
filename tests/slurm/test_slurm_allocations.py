"""Allocations of a workflow on a real Slurm: recorded, reclaimed when they ended, and submitted once."""

from collections.abc import Collection
from pathlib import Path

import pytest
from slurm_cluster import TestCluster
from slurm_daemons import await_that

from torc_client.http import TorcClient
from torc_client.recovery.allocations import Allocations, PlannedAllocation
from torc_client.slurm.cluster import SlurmCluster
from torc_client.slurm.programs import SlurmPrograms
from torc_core.api.drafts import JobDraft, WorkflowDraft
from torc_core.api.workflows import WorkflowModel
from torc_core.slurm.allocation import AllocationRequest, Phase


@pytest.fixture
def port(cluster: TestCluster) -> SlurmCluster:
    return SlurmCluster(SlurmPrograms(cluster.environment))


@pytest.fixture
def workflow_id(shared_client: TorcClient) -> int:
    workflow = WorkflowModel(name="allocated", user="tester")
    draft = WorkflowDraft(workflow=workflow, jobs=[JobDraft(name="only", command="true")])
    return shared_client.create_from_draft(draft).workflow.id or 0


def plan_sleep(_: TorcClient, __: int, ___: Collection[int], folder: Path) -> list[PlannedAllocation]:
    script = folder / "allocation.sh"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    request = AllocationRequest(key="", script=script, options=("--time=5", f"--output={folder}/%j.out"))
    return [PlannedAllocation(request=request, scheduler_config_id=987654, job_count=1)]


def test_an_allocation_that_was_canceled_by_hand_has_ended(
    cluster: TestCluster, port: SlurmCluster, shared_client: TorcClient, workflow_id: int, tmp_path: Path
) -> None:
    allocations = Allocations(scheduler=port, planner=plan_sleep)
    assert allocations.submit(shared_client, workflow_id, output_dir=tmp_path) == [1]
    [record] = shared_client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)
    assert record.status == "pending"
    await_that(lambda: port.status([record.scheduler_id])[record.scheduler_id].phase is Phase.RUNNING, "it runs")
    assert allocations.ended(shared_client, workflow_id) == {}
    cluster.call("scancel", str(record.scheduler_id))
    await_that(lambda: list(allocations.ended(shared_client, workflow_id)) == [record.scheduler_id], "it has ended")


def test_a_process_that_dies_between_submission_and_record_has_submitted_once(
    cluster: TestCluster,
    port: SlurmCluster,
    shared_client: TorcClient,
    workflow_id: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allocations = Allocations(scheduler=port, planner=plan_sleep)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shared_client.scheduled_compute_nodes, "update", die)
        with pytest.raises(KeyboardInterrupt):
            allocations.submit(shared_client, workflow_id, output_dir=tmp_path)
    assert allocations.ended(shared_client, workflow_id) == {}
    [record] = shared_client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)
    rows = cluster.call("squeue", "-h", "-o", "%A %j").splitlines()
    assert [int(row.split()[0]) for row in rows] == [record.scheduler_id]
