"""Random workflows, failures, decisions, resets, runners and deaths: each due action is carried out once."""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from services_bench import job
from test_lifecycle_machine import PLACES, LifecycleMachine, drafts
from triage import AGENT, PERSON

from torc_core.api.actions import (
    JOB_TRIGGERS,
    SCHEDULE_NODES,
    ClaimActionRequest,
    FinishActionRequest,
    WorkflowActionModel,
)
from torc_core.api.drafts import FileDraft, JobDraft
from torc_core.api.failures import ApproveRequest, Classification, ClassifyRequest, UndoRequest
from torc_core.api.jobs import ReclaimRequest
from torc_core.errors import AlreadyTakenError, NotFoundError, StateConflictError
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import ACTIVE, AWAITING_DECISION, DONE, STATUS_BY_CODE, JobStatus
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.change_status import manage_status_change
from torc_server.services.jobs.reclaim import reclaim_jobs
from torc_server.services.records.actions import (
    claim_action,
    create_action,
    finish_action,
    list_actions,
    pending_actions,
    rerun_action,
)
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.services.runs.reset import reset_workflow_status
from torc_server.services.runs.summary import is_complete
from torc_server.services.triage.apply_recovery import apply_recovery
from torc_server.services.triage.decide import decide
from torc_server.services.triage.proposals import approve, propose
from torc_server.services.triage.undo import undo

TRIGGERS = (
    "on_workflow_start",
    "on_workflow_complete",
    "on_jobs_ready",
    "on_jobs_complete",
    "on_worker_start",
    "on_worker_complete",
)
GATES = """
    SELECT g.job_id, g.counted, j.status FROM workflow_action_job g JOIN job j ON j.id = g.job_id
    WHERE g.action_id = :id AND NOT g.left_out
"""
ARMING = (initialize_jobs, reset_workflow_status, apply_recovery)
"""The services after which an action may be due once more."""


class ActionMachine(LifecycleMachine):
    """Adds actions and two more runners; `done` counts ends since actions may have been armed last."""

    @initialize(
        draft=drafts(),
        use_pending_failed=st.booleans(),
        gates=st.lists(st.lists(PLACES, min_size=1, max_size=3), min_size=2, max_size=2),
    )
    def create(self, draft: tuple[list[JobDraft], list[FileDraft]], use_pending_failed: bool, gates: Any) -> None:
        self.begin(*draft, use_pending_failed=use_pending_failed, gates=gates)

    def begin(self, jobs: list[JobDraft], files: list[FileDraft], *, use_pending_failed: bool, gates: Any) -> None:
        self.bench.use_pending_failed = use_pending_failed
        self.run = self.bench.workflow(jobs, initialize=False, files=files)
        self.names = list(self.run.places)
        self.crew = [self.run.runner, self.run.new_runner(), self.run.new_runner()]
        self.held: list[tuple[int, int]] = []
        self.done: Counter[int] = Counter()
        self.is_decided = False
        self.shares: Counter[tuple[int, int]] = Counter()
        for place, trigger in enumerate(TRIGGERS):
            wanted = {self.run.id(self.names[each % len(self.names)]) for each in gates[place % 2]}
            action = WorkflowActionModel(
                workflow_id=self.run.workflow_id,
                trigger_type=trigger,
                action_type="run_commands",
                action_config={"commands": ["true"]},
                job_ids=sorted(wanted) if trigger in JOB_TRIGGERS else None,
                persistent="worker" in trigger,
            )
            self.bench.write(create_action, self.run.workflow_id, action)
        for wanted_places in gates:
            asking = WorkflowActionModel(
                workflow_id=self.run.workflow_id,
                trigger_type="on_jobs_ready",
                action_type=SCHEDULE_NODES,
                action_config={"num_allocations": 2},
                job_ids=sorted({self.run.id(self.names[each % len(self.names)]) for each in [*wanted_places, 0]}),
            )
            self.bench.write(create_action, self.run.workflow_id, asking)

    def write(self, service: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().write(service, *args, **kwargs)
        if service in ARMING and answer is not None and hasattr(self, "done"):
            self.done.clear()
        return answer

    def actions(self) -> list[WorkflowActionModel]:
        return self.bench.read(list_actions, self.run.workflow_id)

    def claim_due(self, runner: int, *, twice: bool = False) -> None:
        """What a runner does: it claims all that is due, also when it got no answer the first time."""
        for action in self.bench.read(pending_actions, self.run.workflow_id, (), compute_node_id=runner):
            assert action.id is not None
            request = ClaimActionRequest(compute_node_id=runner, claim=f"runner {runner}")
            try:
                for _ in range(1 + twice):
                    self.bench.write(claim_action, self.run.workflow_id, action.id, request)
            except (AlreadyTakenError, StateConflictError):
                continue  # another runner was first, or this one counts as gone
            if (runner, action.id) not in self.held:
                self.held.append((runner, action.id))

    def finish(self, runner: int, action_id: int, outcome: str, *, twice: bool = False) -> None:
        request = FinishActionRequest.model_validate({"claim": f"runner {runner}", "outcome": outcome})
        is_persistent = next((action.persistent for action in self.actions() if action.id == action_id), None)
        if is_persistent is None:
            return  # an initialize deleted it: it was for the rest of a group, which is waited for as a whole again
        try:
            for _ in range(1 + twice):
                self.bench.write(finish_action, self.run.workflow_id, action_id, request)
        except StateConflictError:
            return  # the workflow began another run, or was initialized, meanwhile
        if is_persistent:
            self.shares[runner, action_id] += 1
        else:
            self.done[action_id] += 1

    @rule(place=PLACES, twice=st.booleans())
    def ask_for_actions(self, place: int, twice: bool) -> None:
        self.claim_due(self.crew[place % 3], twice=twice)

    @rule(place=PLACES, outcome=st.sampled_from(["succeeded", "failed"]), twice=st.booleans())
    def end_an_action(self, place: int, outcome: str, twice: bool) -> None:
        if self.held:
            self.finish(*self.held.pop(place % len(self.held)), outcome, twice=twice)

    @rule(requeue=st.booleans())
    def lose_the_runner(self, requeue: bool) -> None:
        gone = self.run.runner
        super().lose_the_runner(requeue=requeue)
        self.crew = [self.run.runner if each == gone else each for each in self.crew]
        self.held = [each for each in self.held if each[0] != gone]

    @rule(place=PLACES)
    def lose_a_runner_in_the_middle_of_its_actions(self, place: int) -> None:
        gone = self.crew[place % 3]
        request = ReclaimRequest(compute_node_ids=[gone], requeue=True, reason="gone")
        self.write(reclaim_jobs, self.run.workflow_id, request)
        held = {action_id for runner, action_id in self.held if runner == gone}
        self.held = [each for each in self.held if each[0] != gone]
        assert not [action for action in self.actions() if action.id in held and action.state == "claimed"]
        self.crew[place % 3] = self.run.new_runner()
        if self.run.runner == gone:
            self.run.runner = self.crew[place % 3]

    @rule(place=PLACES)
    def ask_for_an_action_again(self, place: int) -> None:
        action = self.actions()[place % len(TRIGGERS)]
        if self.write(rerun_action, self.run.workflow_id, action.id) is not None:
            self.done.pop(action.id or 0, None)

    def waiting(self) -> list[str]:
        """The jobs that wait for a decision."""
        return [name for name, status in self.run.statuses().items() if status == JobStatus.PENDING_FAILED]

    @rule(limit=st.integers(1, 3))
    def run_jobs_that_fail_for_no_known_reason(self, limit: int) -> None:
        for name in self.run.claim(limit=limit):
            self.run.start(name)
            self.run.end(name, JobStatus.FAILED, unmatched_failure=True, evidence=Evidence(return_code=1))

    def entries(self, places: list[int], action: str) -> list[Classification]:
        waiting = self.waiting()
        chosen = {self.run.id(waiting[place % len(waiting)]) for place in places}
        body = {"action": action, "reason": "why not"}
        return [Classification.model_validate({"job_id": job_id, **body}) for job_id in sorted(chosen)]

    @precondition(lambda self: self.waiting())
    @rule(places=st.lists(PLACES, min_size=1, max_size=4), action=st.sampled_from(["retry", "fail"]))
    def decide_about_failures(self, places: list[int], action: str) -> None:
        request = ClassifyRequest(classifications=self.entries(places, action), actor=PERSON)
        self.is_decided |= bool(self.write(decide, self.run.workflow_id, request))

    @precondition(lambda self: self.waiting())
    @rule(places=st.lists(PLACES, min_size=1, max_size=4), action=st.sampled_from(["retry", "fail"]))
    def approve_what_an_agent_proposes(self, places: list[int], action: str) -> None:
        request = ClassifyRequest(classifications=self.entries(places, action), actor=AGENT)
        proposal = self.write(propose, self.run.workflow_id, request)
        if proposal is not None:
            self.is_decided |= bool(self.write(approve, proposal.id, ApproveRequest(actor=PERSON)))

    @precondition(lambda self: self.is_decided)
    @rule(places=st.none() | st.lists(PLACES, min_size=1, max_size=4))
    def undo_decisions(self, places: list[int] | None) -> None:
        job_ids = None if places is None else [self.pick(place).id for place in places]
        try:
            answer = self.write(undo, self.run.workflow_id, UndoRequest(actor=PERSON, job_ids=job_ids))
        except NotFoundError:
            return
        waiting = {each.job_id for each in answer.jobs if each.status == "undone"} if answer is not None else set()
        due = [action for action in self.actions() if action.state == "pending"]
        for action in due:
            assert not (waiting and action.trigger_type == "on_workflow_complete"), "jobs wait for a decision again"
            if action.trigger_type == "on_jobs_complete":
                assert not waiting.intersection(action.job_ids or ()), "its jobs wait for a decision again"

    @rule(place=PLACES, carried_out=st.booleans())
    def fail_what_is_left_and_undo_it(self, place: int, carried_out: bool) -> None:
        """The decisions may end the workflow; what is carried out because of that is not carried out again."""
        self.run_jobs_that_fail_for_no_known_reason(limit=8)
        if self.waiting():
            self.decide_about_failures(list(range(12)), "fail")
            if carried_out:
                self.claim_due(self.crew[place % 3])
                for runner, action_id in self.held:
                    self.finish(runner, action_id, "succeeded")
                self.held = []
            self.undo_decisions(None)

    @invariant()
    def no_action_is_carried_out_twice(self) -> None:
        assert not [each for each, times in getattr(self, "done", {}).items() if times > 1]
        assert not [each for each, times in getattr(self, "shares", {}).items() if times > 1]

    @invariant()
    def no_ready_job_waits_for_allocations_in_vain(self) -> None:
        """An action for allocations waits only where a job of its group becomes ready by itself."""
        if not hasattr(self, "run"):
            return
        held = self.behind_open_decisions()
        for action in self.actions():
            if action.action_type != SCHEDULE_NODES or action.state != "waiting":
                continue
            gates = self.bench.read(UnitOfWork.rows, GATES, id=action.id)
            has_ready = any(counted and STATUS_BY_CODE[code] is JobStatus.READY for _, counted, code in gates)
            missing = [(job_id, STATUS_BY_CODE[code]) for job_id, counted, code in gates if not counted]
            assert not has_ready or [
                job_id for job_id, status in missing if status not in DONE and job_id not in held
            ], (action, missing)

    def behind_open_decisions(self) -> set[int]:
        """The jobs that are blocked by a failure that waits for a decision."""
        rows = self.bench.read(UnitOfWork.rows, "SELECT job_id, depends_on_job_id FROM job_depends_on")
        states = {self.run.id(name): JobStatus(status) for name, status in self.run.statuses().items()}
        held = {job_id for job_id, status in states.items() if status in AWAITING_DECISION}
        while more := {one for one, other in rows if other in held and states[one] is JobStatus.BLOCKED} - held:
            held |= more
        return held

    def teardown(self) -> None:
        try:
            if hasattr(self, "done"):
                self.carry_the_workflow_to_its_end()
        finally:
            super().teardown()

    def carry_the_workflow_to_its_end(self) -> None:
        """Complete every job, carry out all that is due, and see that nothing is left and nothing was lost."""
        for runner in {*self.crew, self.run.runner}:
            request = ReclaimRequest(compute_node_ids=[runner], requeue=True, reason="gone")
            self.write(reclaim_jobs, self.run.workflow_id, request)
        last = self.run.runner = self.run.new_runner()
        if self.bench.read(is_complete, self.run.workflow_id).is_canceled:
            self.bench.write(reset_workflow_status, self.run.workflow_id, force=True)
            self.run.run_id += 1
        self.write(initialize_jobs, self.run.workflow_id, only_uninitialized=True)
        for _ in range(50):
            waiting = [name for name, status in self.run.statuses().items() if JobStatus(status) not in DONE]
            if not waiting:
                break
            for name in waiting:
                if self.run.status(name) is JobStatus.PENDING_FAILED:
                    self.write(manage_status_change, self.run.id(name), JobStatus.READY, run_id=self.run.run_id)
            self.run.claim()
            for name in self.at_work():  # those too that a program of its own has begun
                self.run.end(name)
            self.held = []
            self.claim_due(last)
            for runner, action_id in self.held:
                self.finish(runner, action_id, "succeeded")
        else:
            raise AssertionError(f"some jobs never end: {self.run.statuses()}")
        self.held = []
        self.claim_due(last)
        for runner, action_id in self.held:
            self.finish(runner, action_id, "succeeded")
        self.no_action_is_carried_out_twice()
        for action in self.actions():
            if action.persistent:
                assert self.shares[last, action.id or 0] == 1, action
            elif action.trigger_type not in JOB_TRIGGERS or action.job_ids:
                assert action.state in ("executed", "failed"), action
            else:
                assert action.state in ("waiting", "executed", "failed"), action


ActionMachine.TestCase.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestActions = ActionMachine.TestCase


class GroupMachine(ActionMachine):
    """Groups of jobs of two chains, whose allocations are asked for together."""

    @initialize(use_pending_failed=st.booleans(), cancels=st.booleans())
    def create(self, use_pending_failed: bool, cancels: bool) -> None:
        jobs = [job("prep"), job("bad"), job("work_1", 0), job("work_2", 0)]
        jobs += [job("after", 1, cancel_on_blocking_job_failure=cancels), job("late", 4)]
        self.begin(jobs, [], use_pending_failed=use_pending_failed, gates=[[2, 3, 4], [3, 5]])
        self.write(initialize_jobs, self.run.workflow_id)

    @rule(order=st.permutations(["prep", "bad"]))
    def end_one_chain_well_and_one_badly(self, order: list[str]) -> None:
        self.run.claim(limit=2)
        for name in order:
            if name in self.names and self.run.status(name) in ACTIVE:
                ending = self.run.ending(
                    name, JobStatus.FAILED if name == "bad" else JobStatus.COMPLETED, unmatched_failure=name == "bad"
                )
                self.run.report([ending])


GroupMachine.TestCase.settings = ActionMachine.TestCase.settings
TestGroups = GroupMachine.TestCase
