"""Watching: it ends whenever nothing goes on, recovers as often as allowed, and never turns in circles."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from allocations_scenes import SchedulerInMemory, give_scheduler, plan_one
from helpers import make_runner
from recovery_scenes import BROKEN, OOM, claim_all, end, fail_all, job, leave, make_scene, statuses

from torc_client.http import TorcClient
from torc_client.recovery.allocations import Allocations
from torc_client.recovery.bounded_recovery import BoundedRecovery
from torc_client.recovery.recover import RecoveryTools
from torc_client.recovery.watch import WatchOptions, WatchResult, watch
from torc_client.submission.watch_actions import FireActions
from torc_core.api.actions import WorkflowActionModel
from torc_core.api.jobs import ReclaimRequest, StartJobsRequest
from torc_core.errors import (
    SchedulerError,
    SchedulerUnreachableError,
    ServerUnreachableError,
    StateConflictError,
    TorcError,
)
from torc_core.recovery.auto_schedule import AutoScheduleOptions
from torc_core.recovery.plan import RecoverOptions
from torc_core.slurm.allocation import Phase

RECOVER = RecoverOptions(runtime_multiplier=1.5)


class Script:
    """An alarm that plays the next scene of the workflow whenever watch waits; running out of scenes fails."""

    def __init__(self, *scenes: Callable[[], object]) -> None:
        self._scenes: Iterator[Callable[[], object]] = iter(scenes)
        self.waits: list[float] = []

    def wait(self, timeout_s: float) -> bool:
        self.waits.append(timeout_s)
        scene = next(self._scenes, None)
        assert scene is not None, "watch waits although nothing will happen any more"
        scene()
        return True


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s

    def forward(self, seconds: float) -> Callable[[], None]:
        def move() -> None:
            self.now_s += seconds

        return move


@dataclass
class Watching:
    """One watch and all it printed."""

    client: TorcClient
    lines: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    allocations: Allocations = field(default_factory=Allocations)
    fire_actions: FireActions | None = None

    def __call__(self, workflow_id: int, script: Script, **options: Any) -> WatchResult:
        tools = RecoveryTools(
            user="tester",
            say=lambda line: self.lines.append(str(line)),
            allocations=self.allocations,
            fire_actions=self.fire_actions,
        )
        choices = WatchOptions(**options)
        return watch(self.client, workflow_id, choices, tools, alarm=script, clock=self.clock)


@pytest.fixture
def watching(shared_client: TorcClient) -> Watching:
    return Watching(shared_client)


def test_a_workflow_that_succeeds_is_followed_to_its_end(watching: Watching) -> None:
    workflow_id, ids = make_scene(watching.client, job("a"), job("b", depends_on=[0]))
    script = Script(
        lambda: fail_all(watching.client, workflow_id, {ids[0]: None}),
        lambda: fail_all(watching.client, workflow_id, {ids[1]: None}),
    )
    assert watching(workflow_id, script, show_counts=True).is_success
    assert watching.lines == [
        f"Watching workflow {workflow_id} (poll interval: 60s, job counts enabled)",
        "  completed=0, running=0, pending=0, failed=0, blocked=1, ready=1",
        "  completed=1, running=0, pending=0, failed=0, blocked=0, ready=1",
        "  completed=2, running=0, pending=0, failed=0, blocked=0",
        f"Workflow {workflow_id} is complete",
        "",
        "Workflow completed successfully (2 jobs)",
    ]


def test_failures_are_recovered_and_the_watch_goes_on(watching: Watching) -> None:
    workflow_id, (hungry, fine) = make_scene(watching.client, job("hungry"), job("fine"))
    script = Script(
        lambda: fail_all(watching.client, workflow_id, {hungry: OOM, fine: None}),
        lambda: fail_all(watching.client, workflow_id, {hungry: None}),
    )
    result = watching(workflow_id, script, recover=RECOVER)
    assert (result.is_success, result.recoveries) == (True, 1)
    header = f"Watching workflow {workflow_id} (poll interval: 60s, recover enabled, max retries: 3)"
    assert watching.lines == [
        header,
        f"Workflow {workflow_id} is complete",
        "",
        "Workflow completed with failures:",
        "  - Failed: 1",
        "  - Canceled: 0",
        "  - Terminated: 0",
        "  - Completed: 1",
        "",
        "Attempting automatic recovery (attempt 1/3)",
        "",
        "Diagnosing failures...",
        "Applying recovery heuristics...",
        f"  Job {hungry} (hungry): OOM detected, increasing memory 8g -> 13g",
        "  Applied fixes: 1 OOM, 0 timeout",
        "",
        "Resetting failed jobs...",
        "",
        "Recovery initiated. Resuming monitoring...",
        "",
        header,
        f"Workflow {workflow_id} is complete",
        "",
        "Workflow completed successfully (2 jobs)",
    ]


def test_the_number_of_recoveries_is_bounded(watching: Watching) -> None:
    workflow_id, (broken,) = make_scene(watching.client, job("broken"))
    fail = [lambda: fail_all(watching.client, workflow_id, {broken: BROKEN})] * 3
    options = RecoverOptions(retry_unknown=True)
    result = watching(workflow_id, Script(*fail), recover=options, max_retries=2)
    assert (result.is_success, result.recoveries) == (False, 2)
    assert watching.lines[-2:] == [
        "Max retries (2) exceeded. Manual intervention required.",
        "Use the Torc MCP server with your AI assistant to investigate.",
    ]


def test_what_nobody_can_recover_ends_the_watch(watching: Watching) -> None:
    workflow_id, (broken, _) = make_scene(
        watching.client, job("broken"), job("after", depends_on=[0]), use_pending_failed=True
    )
    script = Script(lambda: fail_all(watching.client, workflow_id, {broken: BROKEN}))
    assert not watching(workflow_id, script, recover=RECOVER).is_success
    assert f"Workflow {workflow_id} cannot go on by itself" in watching.lines
    assert watching.lines[-3] == "No recoverable jobs found. 1 job(s) failed with unknown causes."
    assert statuses(watching.client, workflow_id) == {"broken": "pending_failed", "after": "blocked"}


def test_without_recover_failures_are_reported_and_nothing_changes(watching: Watching) -> None:
    workflow_id, (hungry,) = make_scene(watching.client, job("hungry"))
    fail_all(watching.client, workflow_id, {hungry: OOM})
    assert not watching(workflow_id, Script()).is_success
    assert watching.lines[-1] == f"Recover with: torc recover {workflow_id}, or watch with --recover"
    assert watching.client.workflow_status(workflow_id).run_id == 1


def test_a_canceled_workflow_is_not_recovered(watching: Watching) -> None:
    workflow_id, (hungry, _) = make_scene(watching.client, job("hungry"), job("other"))
    runner_id = claim_all(watching.client, workflow_id)
    end(watching.client, hungry, OOM)
    watching.client.cancel_workflow(workflow_id)
    leave(watching.client, runner_id)
    assert not watching(workflow_id, Script(), recover=RECOVER).is_success
    assert f"Workflow {workflow_id} was canceled" in watching.lines


def test_jobs_that_wait_for_a_runner_are_reported_once(watching: Watching) -> None:
    workflow_id, (only,) = make_scene(watching.client, job("only"))
    clock = watching.clock
    script = Script(
        clock.forward(3),
        clock.forward(3),
        clock.forward(100),
        lambda: fail_all(watching.client, workflow_id, {only: None}),
    )
    assert watching(workflow_id, script).is_success
    printed = [line for line in watching.lines if "wait for a runner" in line]
    assert printed == [f"1 job(s) wait for a runner. Start one with: torc run {workflow_id}"]
    assert script.waits == [5.0, 2.0, 60.0, 60.0]


def test_a_recovery_by_somebody_else_is_no_failure(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    client = watching.client
    workflow_id, (hungry,) = make_scene(client, job("hungry"))
    fail_all(client, workflow_id, {hungry: OOM})
    apply = client.failures.apply_recovery

    def be_slow(*args: Any) -> Any:
        client.reset_workflow_status(workflow_id)
        return apply(*args)

    monkeypatch.setattr(client.failures, "apply_recovery", be_slow)
    result = watching(workflow_id, Script(), recover=RECOVER, max_retries=2)
    assert not result.is_success
    assert sum("another" in line or "by now" in line for line in watching.lines) == 2


def test_a_runner_looks_again_after_a_recovery_that_was_not_carried_out(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = watching.client
    workflow_id, (hungry,) = make_scene(client, job("hungry"))
    fail_all(client, workflow_id, {hungry: OOM})
    apply = client.failures.apply_recovery
    problems: list[TorcError] = [ServerUnreachableError("no answer"), StateConflictError("another run")]

    def fail_twice(*args: Any) -> Any:
        if problems:
            raise problems.pop()
        return apply(*args)

    monkeypatch.setattr(client.failures, "apply_recovery", fail_twice)
    tools = RecoveryTools(user="tester", say=lambda line: watching.lines.append(str(line)))
    recovery = BoundedRecovery(client=client, options=RECOVER, tools=tools, max_retries=3)
    assert recovery.brings_more(client.workflow_status(workflow_id))
    assert recovery.recoveries == 3
    assert statuses(client, workflow_id) == {"hungry": "ready"}
    assert not recovery.brings_more(client.workflow_status(workflow_id))


def test_jobs_that_a_lost_runner_left_behind_go_on(watching: Watching) -> None:
    client = watching.client
    workflow_id, (lost,) = make_scene(client, job("lost"))
    runner_id = claim_all(client, workflow_id)
    leave(client, runner_id)
    script = Script(lambda: fail_all(client, workflow_id, {lost: None}))
    assert watching(workflow_id, script, recover=RECOVER).is_success
    assert any("ready" in line or "requeued" in line for line in watching.lines)


def test_allocations_that_an_action_asks_for_are_no_recovery(watching: Watching) -> None:
    client = watching.client
    workflow_id, (prep, work) = make_scene(client, job("prep"), job("work", depends_on=[0]))
    give_scheduler(client, workflow_id)
    asking = {"trigger_type": "on_jobs_ready", "action_type": "schedule_nodes", "action_config": {"num_allocations": 1}}
    client.create_action(
        workflow_id, WorkflowActionModel.model_validate({"workflow_id": workflow_id, "job_ids": [work], **asking})
    )
    watching.allocations = Allocations(scheduler=SchedulerInMemory(), planner=plan_one)

    def fire(client: TorcClient, workflow_id: int, _: Path) -> Iterator[str]:
        for action in client.actions(workflow_id):
            if action.state == "pending":
                client.claim_action(workflow_id, action.id or 0, compute_node_id=None)
                watching.allocations.submit(client, workflow_id, output_dir=Path())
                yield "submitted"

    watching.fire_actions = fire
    runner_id = claim_all(client, workflow_id)

    def prepare_and_leave() -> None:
        end(client, prep)
        leave(client, runner_id)

    script = Script(prepare_and_leave, lambda: fail_all(client, workflow_id, {work: None}))
    assert watching(workflow_id, script, recover=RECOVER, max_retries=0).is_success
    assert watching.lines.count("submitted") == 1


def test_ready_jobs_without_allocations_end_a_watch_that_may_not_schedule(watching: Watching) -> None:
    workflow_id, _ = make_scene(watching.client, job("waiting"))
    give_scheduler(watching.client, workflow_id)
    watching.allocations = Allocations(scheduler=SchedulerInMemory(), planner=plan_one)
    assert not watching(workflow_id, Script()).is_success
    assert "1 ready jobs with no schedulers. Use --auto-schedule to regenerate." in watching.lines


def test_jobs_of_an_allocation_that_is_gone_get_another_one_as_often_as_recoveries_are_left(
    watching: Watching,
) -> None:
    client, clock = watching.client, watching.clock
    workflow_id, (lost,) = make_scene(client, job("lost"))
    give_scheduler(client, workflow_id)
    scheduler = SchedulerInMemory(phases=dict.fromkeys(range(1, 4), Phase.RUNNING))
    watching.allocations = Allocations(scheduler=scheduler, planner=plan_one)
    watching.allocations.submit(client, workflow_id, output_dir=Path())

    def run_and_vanish(number: int) -> Callable[[], None]:
        def vanish() -> None:
            facts = {"slurm_job_id": str(number), "cluster": "here"}
            runner_id = make_runner(client, workflow_id, scheduler=facts)
            claimed = client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner_id).jobs
            ids = [each.id or 0 for each in claimed]
            client.start_jobs(workflow_id, StartJobsRequest(run_id=1, compute_node_id=runner_id, job_ids=ids))
            del scheduler.phases[number]
            clock.forward(61)()

        return vanish

    script = Script(run_and_vanish(1), clock.forward(61), run_and_vanish(2), clock.forward(61))
    result = watching(workflow_id, script, recover=RECOVER, max_retries=1)
    assert (result.is_success, result.recoveries, len(scheduler.submitted)) == (False, 1, 2)
    assert any("its allocation 1 has ended" in line for line in watching.lines)
    assert "  Submitted Slurm allocation with 1 job" in watching.lines
    assert "Max retries (1) exceeded. Manual intervention required." in watching.lines
    assert client.jobs.get(lost).status == "ready"


def test_auto_schedule_asks_for_nodes_and_not_again_before_the_cooldown(watching: Watching) -> None:
    client, clock = watching.client, watching.clock
    workflow_id, (waiting,) = make_scene(client, job("waiting"))
    give_scheduler(client, workflow_id)
    scheduler = SchedulerInMemory()
    watching.allocations = Allocations(scheduler=scheduler, planner=plan_one)

    def end_allocations() -> None:
        for allocation in client.scheduled_compute_nodes.list_all(workflow_id=workflow_id):
            client.scheduled_compute_nodes.update(
                allocation.id or 0, allocation.model_copy(update={"status": "complete"})
            )
        clock.forward(60)()

    script = Script(
        end_allocations,
        clock.forward(60),
        clock.forward(1800),
        lambda: fail_all(client, workflow_id, {waiting: None}),
    )
    assert watching(workflow_id, script, auto_schedule=AutoScheduleOptions()).is_success
    assert len(scheduler.submitted) == 2
    assert "Auto-schedule: No schedulers available but 1 ready jobs found (0 retries)" in watching.lines


def test_a_watcher_that_was_started_again_keeps_to_the_cooldown(watching: Watching) -> None:
    client, clock = watching.client, watching.clock
    workflow_id, (waiting,) = make_scene(client, job("waiting"))
    give_scheduler(client, workflow_id)
    scheduler = SchedulerInMemory()
    watching.allocations = Allocations(scheduler=scheduler, planner=plan_one)

    def fall_silent() -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            watching(workflow_id, Script(fall_silent), auto_schedule=AutoScheduleOptions())
        # the queue does not know it: it ended without a single attempt
        clock.forward(60)()
    assert len(scheduler.submitted) == 1
    clock.forward(1800)()
    script = Script(lambda: fail_all(client, workflow_id, {waiting: None}))
    assert watching(workflow_id, script, auto_schedule=AutoScheduleOptions()).is_success
    assert len(scheduler.submitted) == 2


def test_retry_jobs_do_not_wait_for_their_timeout_twice(watching: Watching) -> None:
    client, clock = watching.client, watching.clock
    workflow_id, (retried,) = make_scene(client, job("retried"))
    give_scheduler(client, workflow_id)
    claim_and_retry(client, workflow_id, retried)
    scheduler = SchedulerInMemory(phases={1: Phase.RUNNING})
    watching.allocations = Allocations(scheduler=scheduler, planner=plan_one)
    watching.allocations.submit(client, workflow_id, output_dir=Path())

    def fall_silent() -> None:
        raise KeyboardInterrupt

    options = AutoScheduleOptions(retry_wait_timeout_s=7200.0)
    with pytest.raises(KeyboardInterrupt):
        watching(workflow_id, Script(fall_silent), auto_schedule=options)
    clock.forward(7300)()
    with pytest.raises(KeyboardInterrupt):
        watching(workflow_id, Script(fall_silent), auto_schedule=options)
    assert len(scheduler.submitted) == 2
    assert (
        "Auto-schedule: 1 retry jobs ready without a runner for 7300s (timeout: 7200s), scheduling..." in watching.lines
    )


def test_an_allocation_that_vanished_from_the_queue_is_noticed_although_no_job_ran_in_it(watching: Watching) -> None:
    workflow_id, _ = make_scene(watching.client, job("waiting"))
    give_scheduler(watching.client, workflow_id)
    scheduler = SchedulerInMemory(phases={1: Phase.QUEUED})
    watching.allocations = Allocations(scheduler=scheduler, planner=plan_one)
    watching.allocations.submit(watching.client, workflow_id, output_dir=Path())

    def cancel_by_hand() -> None:
        del scheduler.phases[1]
        watching.clock.forward(61)()

    assert not watching(workflow_id, Script(cancel_by_hand)).is_success
    assert "1 ready jobs with no schedulers. Use --auto-schedule to regenerate." in watching.lines


def test_an_allocation_that_will_never_start_is_reported_once(watching: Watching) -> None:
    client, clock = watching.client, watching.clock
    workflow_id, (waiting,) = make_scene(client, job("waiting"))
    give_scheduler(client, workflow_id)
    scheduler = SchedulerInMemory(phases={1: Phase.QUEUED}, stuck={1: "PartitionTimeLimit"})
    watching.allocations = Allocations(scheduler=scheduler, planner=plan_one)
    watching.allocations.submit(client, workflow_id, output_dir=Path())
    script = Script(clock.forward(61), clock.forward(61), lambda: fail_all(client, workflow_id, {waiting: None}))
    watching(workflow_id, script)
    printed = [line for line in watching.lines if "will not start" in line]
    assert printed == ["Allocation 1 will not start: PartitionTimeLimit (it waits for ever). `scancel 1` removes it"]
    events = client.events.list_all(workflow_id=workflow_id)
    reasons = [
        each.data["reason"] for each in events if each.data and each.data.get("event_type") == "allocation_cannot_start"
    ]
    assert reasons == ["allocation 1: PartitionTimeLimit (it waits for ever)"]


def test_allocations_that_slurm_did_not_answer_are_submitted_once_it_does(watching: Watching) -> None:
    client, clock = watching.client, watching.clock
    workflow_id, (hungry,) = make_scene(client, job("hungry"))
    give_scheduler(client, workflow_id)
    fail_all(client, workflow_id, {hungry: OOM})
    away = SchedulerUnreachableError("squeue: no answer")
    scheduler = SchedulerInMemory(refusal=away)
    watching.allocations = Allocations(scheduler=scheduler, planner=plan_one)

    def come_back() -> None:
        scheduler.refusal = None
        clock.forward(60)()

    script = Script(clock.forward(60), come_back, lambda: fail_all(client, workflow_id, {hungry: None}))
    assert watching(workflow_id, script, recover=RECOVER).is_success
    assert len(scheduler.submitted) == 1
    assert "  The allocations were not submitted: squeue: no answer" in watching.lines
    assert "  Submitted Slurm allocation with 1 job" in watching.lines


def test_a_refused_allocation_ends_the_watch_with_the_next_command(watching: Watching) -> None:
    workflow_id, (hungry,) = make_scene(watching.client, job("hungry"))
    give_scheduler(watching.client, workflow_id)
    fail_all(watching.client, workflow_id, {hungry: OOM})
    scheduler = SchedulerInMemory(refusal=SchedulerError("no such account"))
    watching.allocations = Allocations(scheduler=scheduler, planner=plan_one)
    assert not watching(workflow_id, Script(), recover=RECOVER).is_success
    assert watching.lines[-2:] == [
        "  The allocations were not submitted: no such account",
        f"  The jobs are ready. Submit their allocations with: torc slurm regenerate {workflow_id} --submit",
    ]


def claim_and_retry(client: TorcClient, workflow_id: int, job_id: int) -> None:
    """The job fails once and is ready again, as failure handlers make it."""
    runner_id = claim_all(client, workflow_id)
    leave(client, runner_id)
    client.reclaim_jobs(workflow_id, ReclaimRequest(compute_node_ids=[runner_id], requeue=True, reason="lost"))
    assert client.jobs.get(job_id).attempt_id == 2
