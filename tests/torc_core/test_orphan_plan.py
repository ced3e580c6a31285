"""Which runners are lost, decided from facts alone."""

from datetime import UTC, datetime
from typing import Any

from torc_core.api.jobs import JobModel
from torc_core.api.nodes import ComputeNodeModel, ScheduledComputeNodeModel
from torc_core.evidence.record import SchedulerFacts
from torc_core.jobs.status import JobStatus
from torc_core.processes import DeadRunner, HostFacts, ProcessIdentity
from torc_core.recovery.orphans import OrphanPlan, dead_runner, plan_orphans
from torc_core.slurm.allocation import AllocationEnd

HOST = HostFacts(
    hostname="here", boot_id="boot-2", booted_at=datetime(2025, 3, 1, 12, 0, tzinfo=UTC), pid_namespace="pid:[1]"
)
ALIVE = ProcessIdentity(pid=77, boot_id="boot-2", start_ticks=500, pid_namespace="pid:[1]")


def node(node_id: int = 1, *, facts: dict[str, Any] | None = None, **changes: Any) -> ComputeNodeModel:
    fields: dict[str, Any] = {
        "id": node_id,
        "workflow_id": 9,
        "hostname": "here",
        "pid": 77,
        "start_time": "2025-03-01T13:00:00Z",
        "num_cpus": 1,
        "num_gpus": 0,
        "num_nodes": 1,
        "memory_gb": 1.0,
        "compute_node_type": "local",
        "is_active": True,
        "scheduler": ALIVE.as_scheduler_facts() if facts is None else facts,
    }
    return ComputeNodeModel(**(fields | changes))


def job(job_id: int, holder: int | None, status: JobStatus = JobStatus.RUNNING) -> JobModel:
    return JobModel(
        id=job_id, workflow_id=9, name=f"job{job_id}", command="true", status=status, compute_node_id=holder
    )


def plan(*nodes: ComputeNodeModel, jobs: tuple[JobModel, ...] = (), **facts: Any) -> OrphanPlan:
    facts.setdefault("processes", {77: ALIVE})
    return plan_orphans(9, nodes=nodes, jobs=jobs, host=HOST, **facts)


def test_a_runner_whose_process_lives_keeps_its_jobs() -> None:
    assert plan(node(), jobs=(job(5, 1),)).is_empty


def test_a_runner_whose_process_is_gone_loses_its_jobs() -> None:
    found = plan(node(), jobs=(job(5, 1), job(6, 1, JobStatus.PENDING), job(7, 2)), processes={77: None})
    assert [runner.compute_node_id for runner in found.runners] == [1]
    assert [(orphaned.job_id, orphaned.started) for orphaned in found.jobs] == [(5, True), (6, False)]


def test_a_lost_runner_of_this_machine_names_what_it_left_behind() -> None:
    launcher = ProcessIdentity(pid=78, boot_id="boot-2", start_ticks=510, pid_namespace="pid:[1]")
    (lost,) = plan(node(facts=ALIVE.as_scheduler_facts(launcher)), processes={77: None}).runners
    assert lost.dead == DeadRunner(tag="77.500", launcher_pid=78, launcher_start_ticks=510)


def test_a_runner_in_another_container_does_not_look_dead_from_here() -> None:
    container = node(facts=ALIVE.as_scheduler_facts() | {"pid_namespace": "pid:[2]"})
    assert dead_runner(container, host=HOST, process=None) is None
    assert dead_runner(node(), host=HOST, process=ALIVE) is None
    assert dead_runner(node(), host=HOST, process=None) is not None


def test_another_process_under_the_same_pid_does_not_save_the_runner() -> None:
    later = ProcessIdentity(pid=77, boot_id="boot-2", start_ticks=501, pid_namespace="pid:[1]")
    assert plan(node(), processes={77: later}).runners


def test_a_runner_from_before_the_restart_of_the_machine_is_lost() -> None:
    facts = ALIVE.as_scheduler_facts() | {"boot_id": "boot-1"}
    old = node(facts=facts, start_time="2025-03-01T08:00:00Z", last_heartbeat="2025-03-01T11:59:00Z")
    assert plan(old).runners[0].reason == "the machine here was restarted"


def test_another_machine_with_the_same_name_that_was_heard_of_since_is_not_assessed() -> None:
    facts = ALIVE.as_scheduler_facts() | {"boot_id": "boot-1"}
    twin = node(facts=facts, start_time="2025-03-01T08:00:00Z", last_heartbeat="2025-03-01T12:30:00Z")
    found = plan(twin, jobs=(job(5, 1),))
    assert found.is_empty
    assert found.out_of_sight == 1


def test_a_runner_on_another_machine_or_in_another_container_is_not_assessed() -> None:
    elsewhere = node(1, hostname="there")
    container = node(2, facts=ALIVE.as_scheduler_facts() | {"pid_namespace": "pid:[2]"})
    found = plan(elsewhere, container, processes={77: None})
    assert found.is_empty
    assert found.out_of_sight == 2


def heard(age_s: float, **changes: Any) -> ComputeNodeModel:
    return node(last_heartbeat="2025-03-01T13:30:00Z", heartbeat_age_s=age_s, **changes)


def test_a_runner_elsewhere_that_was_silent_for_too_long_is_lost() -> None:
    found = plan(heard(301.0, hostname="there"), jobs=(job(5, 1),))
    assert found.runners[0].reason == "its runner on there sent no heartbeat since 2025-03-01T13:30:00Z"
    assert [orphaned.job_id for orphaned in found.jobs] == [5]
    assert plan(heard(299.0, hostname="there")).is_empty
    assert plan(heard(299.0, hostname="there")).out_of_sight == 0
    assert plan(heard(61.0, hostname="there"), heartbeat_timeout_s=60.0).runners
    assert plan(heard(1e6, hostname="there"), heartbeat_timeout_s=None).is_empty


def test_a_silent_runner_in_another_container_or_on_a_machine_of_the_same_name_is_lost() -> None:
    container = ALIVE.as_scheduler_facts() | {"pid_namespace": "pid:[2]"}
    twin = ALIVE.as_scheduler_facts() | {"boot_id": "boot-1"}
    assert plan(heard(301.0, facts=container)).runners
    assert plan(heard(301.0, facts=twin)).runners


def test_a_silent_runner_whose_process_is_seen_to_live_keeps_its_jobs() -> None:
    assert plan(heard(1e6), jobs=(job(5, 1),)).is_empty


def test_an_inactive_runner_that_still_holds_jobs_is_lost() -> None:
    found = plan(node(hostname="there", is_active=False), jobs=(job(5, 1),))
    assert [orphaned.job_id for orphaned in found.jobs] == [5]


def test_claims_of_nobody_are_given_back_only_when_no_runner_is_there() -> None:
    unheld = job(5, None, JobStatus.PENDING)
    assert plan(node(), jobs=(unheld,)).claims_of_nobody == ()
    assert plan(node(), jobs=(unheld,), processes={77: None}).claims_of_nobody == (5,)
    assert plan(jobs=(unheld,)).claims_of_nobody == (5,)


def test_an_ended_slurm_allocation_loses_its_runners_and_is_closed() -> None:
    worker = node(hostname="n017", facts={"slurm_job_id": "4711", "cluster": "c"})
    allocations = tuple(
        allocation(n, slurm_id, status)
        for n, (slurm_id, status) in enumerate([(4711, "active"), (4712, "active"), (4713, "pending")], start=1)
    )
    ended = {each: AllocationEnd(scheduler_id=each, cluster="c", state="TIMEOUT") for each in (4711, 4713)}
    found = plan(worker, jobs=(job(5, 1),), allocations=allocations, ended_allocations=ended)
    assert [(each.allocation_id, each.reason) for each in found.jobs] == [
        (4711, "its allocation 4711 has ended: TIMEOUT")
    ]
    assert [each.scheduler_id for each in found.active_allocations] == [4711]
    assert [each.scheduler_id for each in found.pending_allocations] == [4713]
    assert found.runners[0].scheduler_facts == SchedulerFacts(
        type="slurm", job_id="4711", state="TIMEOUT", reason="its allocation 4711 has ended: TIMEOUT"
    )


def test_a_task_that_ended_does_not_close_the_record_of_its_array_while_others_live() -> None:
    worker = node(hostname="n017", facts={"slurm_job_id": "4711", "cluster": "c"})
    array = allocation(1, 4711, "pending").model_copy(update={"array": "0-1"})
    allocations = (array, allocation(2, 4711, "active"))
    end = AllocationEnd(scheduler_id=4711, cluster="c", state="NODE_FAIL", array_lives=True)
    found = plan(worker, jobs=(job(5, 1),), allocations=allocations, ended_allocations={4711: end})
    assert [each.job_id for each in found.jobs] == [5]
    assert [each.id for each in (*found.pending_allocations, *found.active_allocations)] == [2]


def test_an_allocation_of_another_cluster_with_the_same_id_has_not_ended() -> None:
    worker = node(hostname="n017", facts={"slurm_job_id": "4711", "cluster": "other"})
    unnamed = node(2, hostname="n018", facts={"slurm_job_id": "4711"})
    allocations = (allocation(1, 4711, "active", cluster="other"), allocation(2, 4711, "active", cluster=None))
    ended = {4711: AllocationEnd(scheduler_id=4711, cluster="c")}
    assert plan(worker, unnamed, allocations=allocations, ended_allocations=ended).is_empty


def test_an_allocation_that_runs_again_is_not_closed_and_keeps_its_new_runner() -> None:
    facts = {"slurm_job_id": "4711", "cluster": "c"}
    old = node(1, hostname="n017", facts=facts, start_time="2025-03-01T13:00:00Z")
    new = node(2, hostname="n017", facts=facts, start_time="2025-03-01T14:00:10Z")
    again = AllocationEnd(
        scheduler_id=4711, cluster="c", state="REQUEUED", again_from=datetime(2025, 3, 1, 13, 59, tzinfo=UTC)
    )
    allocations = (allocation(1, 4711, "active"),)
    found = plan(
        old, new, jobs=(job(5, 1), job(6, 2)), allocations=allocations, ended_allocations={4711: again}, processes={}
    )
    assert [(each.job_id, each.reason) for each in found.jobs] == [
        (5, "its allocation 4711 was sent back to the queue")
    ]
    assert found.active_allocations == ()


def allocation(record_id: int, slurm_id: int, status: str, *, cluster: str | None = "c") -> ScheduledComputeNodeModel:
    return ScheduledComputeNodeModel(
        id=record_id,
        workflow_id=9,
        scheduler_id=slurm_id,
        scheduler_config_id=1,
        scheduler_type="slurm",
        status=status,
        cluster=cluster,
    )
