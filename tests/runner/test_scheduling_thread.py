"""The runner's thread that submits allocations: tried again while the scheduler is away, without keeping the runner."""

import os
import threading
from pathlib import Path

from helpers import wait_until

from runner.server.scheduling_thread import ScheduledNodes, SchedulingThread
from torc_client.http import TorcClient
from torc_client.slurm.cluster import SlurmCluster
from torc_client.submission.schedule_nodes import NodeScheduling, SubmittedNodes
from torc_core.api.actions import WorkflowActionModel
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.errors import InvalidInputError, SchedulerUnreachableError, TorcError

ACTION = WorkflowActionModel(
    id=7, workflow_id=1, trigger_type="on_workflow_start", action_type="schedule_nodes", action_config={}
)


class Answering(NodeScheduling):
    """Raises these errors, one after the other, then submits an allocation with the id 4711."""

    errors: list[TorcError]

    def carry_out(self, action: WorkflowActionModel, *, is_repeat: bool = False) -> SubmittedNodes:
        if self.errors:
            raise self.errors.pop(0)
        scheduler = SlurmSchedulerModel(workflow_id=1, account="a", nodes=1, walltime="1")
        record = ScheduledComputeNodeModel(
            workflow_id=1, scheduler_id=4711, scheduler_config_id=1, scheduler_type="slurm", status="pending"
        )
        return SubmittedNodes(scheduler=scheduler, records=(record,))


def answers(client: TorcClient, *errors: TorcError, pause_s: float = 0.01) -> tuple[list[ScheduledNodes], bool]:
    """What the thread answers until the action has ended or waits; and whether it is idle then."""
    scheduling = Answering(
        client=client, workflow_id=1, cluster=SlurmCluster(), output_dir=Path(), environment=os.environ
    )
    object.__setattr__(scheduling, "errors", list(errors))
    woken = threading.Event()
    thread = SchedulingThread(scheduling, wake=woken.set, pause_s=pause_s)
    thread.carry_out(ACTION)
    found: list[ScheduledNodes] = []

    def has_answered() -> bool:
        found.extend(thread.take())
        return bool(found) and (found[-1].is_final or pause_s > 1)

    wait_until(has_answered, "the thread has answered")
    is_idle = thread.is_idle
    thread.close()
    thread.thread.join(10.0)
    assert thread.thread.error is None
    assert woken.is_set()
    return found, is_idle


def test_a_scheduler_that_is_away_is_asked_again(shared_client: TorcClient) -> None:
    found, is_idle = answers(shared_client, SchedulerUnreachableError("away"))
    first, last = found
    assert (first.is_final, first.problem) == (False, "allocations are not submitted yet, they are tried again: away")
    assert last == ScheduledNodes(action_id=7, ids=(4711,))
    assert is_idle


def test_an_action_that_waits_for_its_next_try_does_not_keep_the_runner(shared_client: TorcClient) -> None:
    [waiting], is_idle = answers(shared_client, SchedulerUnreachableError("away"), pause_s=600.0)
    assert not waiting.is_final
    assert is_idle


def test_a_refusal_is_final(shared_client: TorcClient) -> None:
    [refused], _ = answers(shared_client, InvalidInputError("no such account", hint="name another"))
    assert refused == ScheduledNodes(action_id=7, problem="no such account (name another)")
