"""Which actions a process carries out: those that are due, and those that a process left behind that is gone."""

import os

from allocations_scenes import SchedulerInMemory, give_scheduler
from recovery_scenes import job, make_scene

from torc_client.http import TorcClient
from torc_client.processes import host_facts, process_identity
from torc_client.recovery.allocations import SUBMITTING, settle_intents
from torc_client.submission.fire import actions_to_fire, read_holder
from torc_core.api.actions import WorkflowActionModel
from torc_core.api.nodes import ScheduledComputeNodeModel

NOBODY = 0


def claim(pid: int, start_ticks: int, *, hostname: str | None = None, boot_id: str | None = None) -> str:
    host = host_facts()
    parts = ("process", hostname or host.hostname, boot_id or host.boot_id, host.pid_namespace, pid, start_ticks, "x")
    return "|".join(map(str, parts))


def own_ticks() -> int:
    own = process_identity(os.getpid())
    assert own is not None
    return own.start_ticks


def action(state: str, *, holder: str | None = None, **fields: object) -> WorkflowActionModel:
    given = {
        "workflow_id": 1,
        "trigger_type": "on_workflow_start",
        "action_type": "schedule_nodes",
        "action_config": {"scheduler_id": 1},
        "state": state,
        "claim": holder,
    }
    return WorkflowActionModel.model_validate(given | fields)


def is_fired(chosen: WorkflowActionModel, *, retry_failed: bool = False, take_over: bool = False) -> bool:
    return actions_to_fire([chosen], retry_failed=retry_failed, take_over=take_over) == [chosen]


def test_due_actions_that_ask_for_allocations_are_fired_and_no_others() -> None:
    assert is_fired(action("pending"))
    assert not is_fired(action("pending", persistent=True))
    assert not is_fired(action("pending", action_type="run_commands"))
    assert not any(is_fired(action(state)) for state in ("waiting", "executed", "unknown"))


def test_a_claim_is_taken_over_when_its_process_is_surely_gone() -> None:
    assert is_fired(action("claimed", holder=claim(os.getppid(), NOBODY))), "its pid went to another process"
    assert is_fired(action("claimed", holder=claim(os.getpid(), own_ticks()))), "an earlier try of this process"
    assert is_fired(action("claimed", holder=claim(1, NOBODY, boot_id="another")))
    parent = process_identity(os.getppid())
    assert parent is not None
    assert not is_fired(action("claimed", holder=claim(parent.pid, parent.start_ticks)))
    elsewhere = action("claimed", holder=claim(1, 1, hostname="another"))
    assert not is_fired(elsewhere)
    assert is_fired(elsewhere, take_over=True)
    assert str(read_holder(elsewhere.claim)) == "process 1 on another"


def test_a_claim_of_a_runner_is_left_to_the_server() -> None:
    assert not is_fired(action("claimed", holder="0123456789abcdef"), take_over=True)
    assert read_holder(None) is None


def test_a_failed_action_is_fired_again_only_when_somebody_asks() -> None:
    failed = action("failed", holder="0123456789abcdef")
    assert not is_fired(failed)
    assert is_fired(failed, retry_failed=True)


def test_an_intent_with_a_name_stays_for_whoever_carries_out_its_action_again(shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    scheduler, config_id = SchedulerInMemory(), give_scheduler(shared_client, workflow_id)
    for submission in (None, "action:1:run:1:0"):
        shared_client.scheduled_compute_nodes.create(
            ScheduledComputeNodeModel(
                workflow_id=workflow_id,
                scheduler_id=0,
                scheduler_config_id=config_id,
                scheduler_type="slurm",
                status=SUBMITTING,
                cluster=scheduler.name(),
                submission=submission,
            )
        )
    settle_intents(shared_client, workflow_id, scheduler)
    left = shared_client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)
    assert [record.submission for record in left] == ["action:1:run:1:0"]
