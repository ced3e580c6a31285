"""Actions that ask for allocations do not wait for jobs that cannot become ready by themselves."""

from pathlib import Path
from typing import Any

import pytest
from services_bench import Bench, Run, job

from torc_core.api.actions import ClaimActionRequest, WorkflowActionModel
from torc_core.api.nodes import ComputeNodeModel, ScheduledComputeNodeModel
from torc_core.api.recovery import ApplyRecoveryRequest, PlannedRetry
from torc_core.errors import AlreadyTakenError
from torc_core.jobs.status import JobStatus
from torc_server.services.jobs.change_status import manage_status_change
from torc_server.services.records.actions import claim_action, create_action, list_actions
from torc_server.services.records.compute_nodes import (
    create_scheduled_compute_node,
    delete_scheduled_compute_node,
    update_compute_node,
    update_scheduled_compute_node,
)
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.services.runs.reset import reset_workflow_status
from torc_server.services.triage.apply_recovery import apply_recovery

S = JobStatus
GROUP = ("work_1", "work_2", "work_3", "after")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def ask(run: Run, *names: str, action_type: str = "schedule_nodes", count: int = 4) -> int:
    """Adds an action for the allocations of these jobs; returns its id."""
    config: dict[str, Any] = {"num_allocations": count} if action_type == "schedule_nodes" else {"commands": ["true"]}
    model = WorkflowActionModel(
        workflow_id=run.workflow_id,
        trigger_type="on_jobs_ready",
        action_type=action_type,
        action_config=config,
        job_ids=[run.id(name) for name in names],
    )
    return run.bench.write(create_action, run.workflow_id, model).id or 0


def two_chains(bench: Bench, **fields: Any) -> Run:
    """prep → work_1, work_2, work_3 and bad → after, whose allocations are asked for together."""
    jobs = [job("prep"), job("bad"), *(job(f"work_{n}", 0) for n in (1, 2, 3)), job("after", 1, **fields)]
    run = bench.workflow(jobs, initialize=False)
    ask(run, *GROUP)
    bench.write(initialize_jobs, run.workflow_id)
    return run


def shown(run: Run) -> list[tuple[str | None, int | None, int | None, int]]:
    """State, counted and required jobs, and allocations of each action."""
    return [
        (each.state, each.trigger_count, each.required_triggers, each.allocation_count)
        for each in run.bench.read(list_actions, run.workflow_id)
    ]


def leave(run: Run) -> None:
    """The runner signs off."""
    record = ComputeNodeModel.model_validate(
        {"workflow_id": run.workflow_id, "hostname": "n", "pid": 1, "start_time": "2026-01-01T00:00:00Z"}
        | {"num_cpus": 8, "num_gpus": 0, "num_nodes": 1, "memory_gb": 16, "compute_node_type": "local"}
        | {"is_active": False}
    )
    run.bench.write(update_compute_node, run.runner, record)


def test_ready_jobs_get_their_share_while_a_failure_of_another_chain_waits_for_a_decision(bench: Bench) -> None:
    run = two_chains(bench)
    run.begin("prep", "bad")
    run.end("prep")
    assert shown(run) == [("waiting", 3, 4, 4)]
    run.end("bad", S.FAILED, unmatched_failure=True)
    assert run.status("after") is S.BLOCKED
    assert shown(run) == [("pending", 3, 3, 3), ("waiting", 0, 1, 1)]


@pytest.mark.parametrize("cancels", [True, False])
def test_what_a_failure_cancels_is_not_waited_for_and_what_it_releases_is(bench: Bench, cancels: bool) -> None:
    bench.use_pending_failed = False
    run = two_chains(bench, cancel_on_blocking_job_failure=cancels)
    run.begin("prep", "bad")
    run.end("bad", S.FAILED)
    run.end("prep")
    expected = [("pending", 3, 3, 3), ("waiting", 0, 1, 1)] if cancels else [("pending", 4, 4, 4)]
    assert shown(run) == expected


def test_the_others_get_theirs_when_they_become_ready(bench: Bench) -> None:
    run = two_chains(bench)
    run.begin("prep", "bad")
    run.end("prep")
    run.end("bad", S.FAILED, unmatched_failure=True)
    first, following = (action.id or 0 for action in bench.read(list_actions, run.workflow_id))
    bench.write(claim_action, run.workflow_id, first, ClaimActionRequest())
    bench.write(manage_status_change, run.id("bad"), S.READY, run_id=1)
    run.begin("bad")
    run.end("bad")
    assert shown(run) == [("executed", 3, 3, 3), ("pending", 1, 1, 1)]
    bench.write(claim_action, run.workflow_id, following, ClaimActionRequest())
    with pytest.raises(AlreadyTakenError):
        bench.write(claim_action, run.workflow_id, following, ClaimActionRequest())


def test_a_job_that_still_may_become_ready_is_waited_for(bench: Bench) -> None:
    jobs = [job("prep"), job("slow"), job("bad"), job("work", 0), job("later", 1), job("after", 2)]
    run = bench.workflow(jobs, initialize=False)
    ask(run, "work", "later", "after")
    bench.write(initialize_jobs, run.workflow_id)
    run.begin("prep", "slow", "bad")
    run.end("bad", S.FAILED, unmatched_failure=True)
    run.end("prep")
    assert shown(run) == [("waiting", 1, 3, 4)]
    run.end("slow")
    assert shown(run) == [("pending", 2, 2, 3), ("waiting", 0, 1, 1)]


def test_commands_wait_for_the_whole_group(bench: Bench) -> None:
    run = bench.workflow([job("prep"), job("bad"), job("work", 0), job("after", 1)], initialize=False)
    ask(run, "work", "after", action_type="run_commands")
    bench.write(initialize_jobs, run.workflow_id)
    run.begin("prep", "bad")
    run.end("prep")
    run.end("bad", S.FAILED, unmatched_failure=True)
    leave(run)
    assert [state for state, *_ in shown(run)] == ["waiting"]


def test_where_no_nodes_will_come_nothing_is_waited_for(bench: Bench) -> None:
    run = bench.workflow([job("prep"), job("early", 0), job("late", 1)], initialize=False)
    ask(run, "early", "late", count=1)
    bench.write(initialize_jobs, run.workflow_id)
    allocation = bench.write(
        create_scheduled_compute_node,
        ScheduledComputeNodeModel(
            workflow_id=run.workflow_id,
            scheduler_id=7,
            scheduler_config_id=0,
            scheduler_type="slurm",
            status="active",
        ),
    )
    run.begin("prep")
    run.end("prep")
    leave(run)
    assert shown(run) == [("waiting", 1, 2, 1)]
    ended = allocation.model_copy(update={"status": "complete"})
    bench.write(update_scheduled_compute_node, allocation.id or 0, ended)
    assert shown(run) == [("pending", 1, 1, 1), ("waiting", 0, 1, 1)]
    late = allocation.model_copy(update={"status": "active"})
    assert bench.write(update_scheduled_compute_node, allocation.id or 0, late).status == "complete"
    bench.write(delete_scheduled_compute_node, allocation.id or 0)


def test_a_workflow_that_begins_waits_for_its_runners(bench: Bench) -> None:
    run = bench.workflow([job("prep"), job("early"), job("late", 0)], initialize=False)
    leave(run)
    ask(run, "early", "late", count=1)
    bench.write(initialize_jobs, run.workflow_id)
    assert shown(run) == [("waiting", 1, 2, 1)]


@pytest.mark.parametrize("by_recovery", [True, False])
def test_a_new_run_waits_for_the_whole_group_again(bench: Bench, by_recovery: bool) -> None:
    run = two_chains(bench)
    run.begin("prep", "bad")
    run.end("prep")
    run.end("bad", S.FAILED, unmatched_failure=True)
    assert len(shown(run)) == 2
    if by_recovery:
        retry = PlannedRetry(job_id=run.id("bad"), run_id=1, attempt_id=1, reason="test")
        request = ApplyRecoveryRequest(run_id=1, retries=[retry], requested_by="u")
        bench.write(apply_recovery, run.workflow_id, request)
    else:
        bench.write(reset_workflow_status, run.workflow_id, force=True)
        bench.write(manage_status_change, run.id("bad"), S.UNINITIALIZED, run_id=2)
        bench.write(initialize_jobs, run.workflow_id, only_uninitialized=True)
    assert shown(run) == [("waiting", 3, 4, 4)]
