"""Allocations of a workflow, as recovery sees them: which ended, and how much they can give."""

from pathlib import Path

import pytest
from allocations_scenes import SchedulerInMemory, give_scheduler, plan_one
from helpers import make_runner
from recovery_scenes import job, make_scene

from torc_client.http import TorcClient
from torc_client.recovery.allocations import SUBMITTING, Allocations, settle_intents
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.errors import SchedulerError, SchedulerUnreachableError
from torc_core.evidence.attempt import PartitionLimits
from torc_core.slurm.allocation import AllocationRequest, Partition, Phase


def record(client: TorcClient, workflow_id: int, scheduler_id: int, status: str, *, cluster: str = "here") -> None:
    client.scheduled_compute_nodes.create(
        ScheduledComputeNodeModel(
            workflow_id=workflow_id,
            scheduler_id=scheduler_id,
            scheduler_config_id=987654,
            scheduler_type="slurm",
            status=status,
            cluster=cluster,
        )
    )


def test_without_a_scheduler_nothing_is_asked_for(shared_client: TorcClient, tmp_path: Path) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    give_scheduler(shared_client, workflow_id)
    allocations = Allocations()
    assert not allocations.serves(shared_client, workflow_id)
    assert allocations.ended(shared_client, workflow_id) == {}
    assert allocations.plan(shared_client, workflow_id, {}) == ()
    assert allocations.submit(shared_client, workflow_id, output_dir=tmp_path) == ()


def test_only_workflows_with_a_scheduler_record_are_served(shared_client: TorcClient) -> None:
    local, _ = make_scene(shared_client, job("only"))
    served, _ = make_scene(shared_client, job("only"))
    give_scheduler(shared_client, served)
    allocations = Allocations(scheduler=SchedulerInMemory(), planner=plan_one)
    assert not allocations.serves(shared_client, local)
    assert allocations.serves(shared_client, served)
    assert not Allocations(scheduler=SchedulerInMemory()).serves(shared_client, served), "nothing plans allocations"


def test_what_the_queue_has_lost_or_calls_ended_has_ended(shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    for scheduler_id, status in ((1, "pending"), (2, "active"), (3, "active"), (4, "complete"), (5, "pending")):
        record(shared_client, workflow_id, scheduler_id, status)
    scheduler = SchedulerInMemory(phases={1: Phase.QUEUED, 2: Phase.RUNNING, 3: Phase.ENDED})
    assert list(Allocations(scheduler=scheduler).ended(shared_client, workflow_id)) == [3, 5]


def test_only_the_cluster_that_granted_an_allocation_is_asked_about_it(shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    record(shared_client, workflow_id, 1, "pending", cluster="elsewhere")
    make_runner(shared_client, workflow_id, scheduler={"slurm_job_id": "2", "cluster": "elsewhere"})
    make_runner(shared_client, workflow_id, scheduler={"slurm_job_id": "3"})
    make_runner(shared_client, workflow_id, scheduler={"slurm_job_id": "4", "cluster": "here"})
    ends = Allocations(scheduler=SchedulerInMemory()).ended(shared_client, workflow_id)
    assert {each: end.cluster for each, end in ends.items()} == {4: "here"}


def test_the_queue_is_not_asked_while_all_runners_are_heard_of(shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    facts = {"slurm_job_id": "4", "cluster": "here"}
    make_runner(shared_client, workflow_id, scheduler=facts, last_heartbeat="2025-03-01T12:00:00Z")
    allocations = Allocations(scheduler=SchedulerInMemory())
    assert allocations.ended(shared_client, workflow_id, silent_s=3600.0) == {}
    assert list(allocations.ended(shared_client, workflow_id, silent_s=-1.0)) == [4]


def test_an_intent_of_another_cluster_is_left_to_it(shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    record(shared_client, workflow_id, 0, SUBMITTING, cluster="elsewhere")
    settle_intents(shared_client, workflow_id, SchedulerInMemory())
    assert stored(shared_client, workflow_id) == [(0, SUBMITTING)]


def test_jobs_are_bound_by_the_widest_partition_or_the_one_that_the_workflow_names(shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("a"), job("b"))
    jobs = shared_client.jobs.list_all(workflow_id=workflow_id)
    partitions = (
        Partition(name="short", is_default=True, max_time_s=3600.0, memory_bytes_per_node=1 << 31),
        Partition(name="long", max_time_s=7200.0, memory_bytes_per_node=1 << 30),
        Partition(name="huge", max_time_s=7200.0, memory_bytes_per_node=1 << 40, is_explicit=True),
    )
    allocations = Allocations(scheduler=SchedulerInMemory(known_partitions=partitions))
    assert allocations.limits(shared_client, jobs) == [PartitionLimits()] * 2, "it gets no nodes from the scheduler"
    give_scheduler(shared_client, workflow_id, partition="short")
    widest = PartitionLimits(memory_bytes=1 << 31, runtime_s=7200.0)
    assert allocations.limits(shared_client, jobs) == [widest] * 2
    workflow = shared_client.workflows.get(workflow_id)
    shared_client.workflows.update(workflow_id, workflow.model_copy(update={"slurm_defaults": {"partition": "huge"}}))
    assert allocations.limits(shared_client, jobs)[0].memory_bytes == 1 << 40


def test_a_submitted_allocation_is_recorded(shared_client: TorcClient, tmp_path: Path) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    scheduler = SchedulerInMemory()
    allocations = Allocations(scheduler=scheduler, planner=plan_one)
    assert len(allocations.plan(shared_client, workflow_id, {})) == 1
    assert scheduler.submitted == []
    assert allocations.submit(shared_client, workflow_id, output_dir=tmp_path) == [1]
    [stored] = shared_client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)
    assert (stored.scheduler_id, stored.status) == (1, "pending")


def stored(client: TorcClient, workflow_id: int) -> list[tuple[int, str]]:
    records = client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)
    return [(record.scheduler_id, record.status) for record in records]


def test_a_submission_whose_process_died_before_it_was_recorded_is_recorded_by_the_next(
    shared_client: TorcClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    scheduler = SchedulerInMemory()
    allocations = Allocations(scheduler=scheduler, planner=plan_one)
    with monkeypatch.context() as patched:
        patched.setattr(shared_client.scheduled_compute_nodes, "update", die)
        with pytest.raises(KeyboardInterrupt):
            allocations.submit(shared_client, workflow_id, output_dir=tmp_path)
    assert stored(shared_client, workflow_id) == [(0, SUBMITTING)]
    scheduler.phases[1] = Phase.RUNNING
    assert allocations.ended(shared_client, workflow_id) == {}
    assert stored(shared_client, workflow_id) == [(1, "pending")]
    assert len(scheduler.submitted) == 1


def test_a_process_that_died_before_it_submitted_leaves_nothing(shared_client: TorcClient, tmp_path: Path) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    record(shared_client, workflow_id, 0, SUBMITTING)
    allocations = Allocations(scheduler=SchedulerInMemory(), planner=plan_one)
    assert allocations.submit(shared_client, workflow_id, output_dir=tmp_path) == [1]
    assert stored(shared_client, workflow_id) == [(1, "pending")]


def test_a_refused_allocation_leaves_no_record(shared_client: TorcClient, tmp_path: Path) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    allocations = Allocations(scheduler=SchedulerInMemory(refusal=SchedulerError("no account")), planner=plan_one)
    with pytest.raises(SchedulerError, match="no account"):
        allocations.submit(shared_client, workflow_id, output_dir=tmp_path)
    assert stored(shared_client, workflow_id) == []


@pytest.mark.parametrize("accepted", [True, False])
def test_an_allocation_without_an_answer_is_submitted_once(
    shared_client: TorcClient, tmp_path: Path, *, accepted: bool
) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    away = SchedulerUnreachableError("no answer")
    scheduler = SchedulerInMemory(refusal=away, accepts_all_the_same=accepted)
    allocations = Allocations(scheduler=scheduler, planner=plan_one)
    with pytest.raises(SchedulerUnreachableError):
        allocations.submit(shared_client, workflow_id, output_dir=tmp_path)
    assert stored(shared_client, workflow_id) == [(0, SUBMITTING)]
    settle_intents(shared_client, workflow_id, scheduler)
    assert stored(shared_client, workflow_id) == ([(1, "pending")] if accepted else [])


def test_a_record_that_another_process_dropped_is_stored_anew(shared_client: TorcClient, tmp_path: Path) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))

    class Slow(SchedulerInMemory):
        def submit(self, request: AllocationRequest) -> int:
            settle_intents(shared_client, workflow_id, self)
            return super().submit(request)

    Allocations(scheduler=Slow(), planner=plan_one).submit(shared_client, workflow_id, output_dir=tmp_path)
    assert stored(shared_client, workflow_id) == [(1, "pending")]


def test_allocations_of_alike_workflows_have_keys_of_their_own(shared_client: TorcClient, tmp_path: Path) -> None:
    scheduler = SchedulerInMemory()
    allocations = Allocations(scheduler=scheduler, planner=plan_one)
    for _ in range(2):
        workflow_id, _ = make_scene(shared_client, job("only"))
        for _ in range(2):
            allocations.submit(shared_client, workflow_id, output_dir=tmp_path)
    assert len({request.key for request in scheduler.submitted}) == 4


def die(*_: object) -> None:
    raise KeyboardInterrupt
