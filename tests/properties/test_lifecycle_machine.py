"""Random workflows under random events: every service keeps what must always hold."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from services_bench import Bench, Run, job

from torc_core.api.actions import WorkflowActionModel
from torc_core.api.drafts import FileDraft, JobDraft
from torc_core.api.jobs import ReclaimRequest, ReleaseClaimsRequest, RetryRequest
from torc_core.api.recovery import ApplyRecoveryRequest, PlannedRetry
from torc_core.api.workflows import OldWorkflowStatus, ResetJobsRequest
from torc_core.errors import StateConflictError
from torc_core.evidence.record import Evidence
from torc_core.jobs.lifecycle import OUTCOME_EVENTS, Event
from torc_core.jobs.status import ACTIVE, DONE, JobStatus
from torc_server import invariants
from torc_server.db.queries.jobs.jobs import JobState
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.change_status import manage_status_change
from torc_server.services.jobs.change_status import reset_jobs as reset_some_jobs
from torc_server.services.jobs.job_records import delete_job
from torc_server.services.jobs.reclaim import reclaim_jobs
from torc_server.services.jobs.retry import retry_job
from torc_server.services.jobs.start import release_claims
from torc_server.services.jobs.transitions import apply_event
from torc_server.services.jobs.update_job import update_job
from torc_server.services.records.actions import create_action
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.services.runs.legacy_status import put_workflow_status
from torc_server.services.runs.reset import (
    cancel_workflow,
    process_changed_job_inputs,
    reset_job_status,
    reset_workflow_status,
)
from torc_server.services.runs.summary import is_complete, workflow_status
from torc_server.services.triage.apply_recovery import apply_recovery

S = JobStatus
PLACES = st.integers(min_value=0, max_value=11)


@st.composite
def drafts(draw: st.DrawFn) -> tuple[list[JobDraft], list[FileDraft]]:
    """A random DAG: each job waits for some before it, or reads what one of them writes."""
    count = draw(st.integers(min_value=2, max_value=8))
    jobs: list[JobDraft] = []
    for place in range(count):
        earlier = st.lists(st.integers(min_value=0, max_value=max(0, place - 1)), unique=True, max_size=3)
        waits_for = draw(earlier) if place else []
        reads = draw(earlier) if place else []
        flag = draw(st.booleans())
        jobs.append(
            job(f"j{place}", *waits_for, input_files=reads, output_files=[place], cancel_on_blocking_job_failure=flag)
        )
    return jobs, [FileDraft(name=f"f{place}", path=f"f{place}") for place in range(count)]


class LifecycleMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench.at(Path(self.folder.name) / "torc.db", checks=False)

    @initialize(draft=drafts(), use_pending_failed=st.booleans(), gated=st.booleans())
    def create(self, draft: tuple[list[JobDraft], list[FileDraft]], use_pending_failed: bool, gated: bool) -> None:
        self.bench.use_pending_failed = use_pending_failed
        jobs, files = draft
        self.run: Run = self.bench.workflow(jobs, initialize=False, files=files)
        self.names = list(self.run.places)
        if gated:
            for trigger in ("on_jobs_ready", "on_jobs_complete", "on_workflow_complete"):
                action = WorkflowActionModel(
                    workflow_id=self.run.workflow_id,
                    trigger_type=trigger,
                    action_type="run_commands",
                    action_config={"commands": ["true"]},
                    job_ids=[self.run.id(name) for name in self.names[:2]],
                )
                self.write(create_action, self.run.workflow_id, action)

    def teardown(self) -> None:
        self.bench.database.close()
        self.folder.cleanup()

    def write(self, service: Any, *args: Any, **kwargs: Any) -> Any:
        """What the services refuse is refused without a trace: the rules only ask."""
        try:
            return self.bench.write(service, *args, **kwargs)
        except StateConflictError:
            return None

    def pick(self, place: int) -> JobState:
        return self.run.state(self.names[place % len(self.names)])

    def at_work(self) -> list[str]:
        return [name for name, status in self.run.statuses().items() if status in ACTIVE]

    @rule(only_uninitialized=st.booleans())
    def initialize_all(self, only_uninitialized: bool) -> None:
        self.write(initialize_jobs, self.run.workflow_id, only_uninitialized=only_uninitialized)

    @rule(limit=st.integers(min_value=1, max_value=4))
    def claim(self, limit: int) -> None:
        self.run.claim(limit=limit)

    @rule(place=PLACES)
    def start(self, place: int) -> None:
        chosen = self.pick(place)
        if chosen.status is S.PENDING:
            self.run.start(chosen.name)

    @rule(
        place=PLACES,
        status=st.sampled_from(sorted(OUTCOME_EVENTS)),
        unmatched=st.booleans(),
        max_retries=st.none() | st.integers(min_value=0, max_value=4),
        twice=st.booleans(),
    )
    def end(self, place: int, status: S, unmatched: bool, max_retries: int | None, twice: bool) -> None:
        at_work = self.at_work()
        if not at_work:
            return
        name = at_work[place % len(at_work)]
        retryable = max_retries is not None and status in {S.FAILED, S.TERMINATED}
        ending = self.run.ending(
            name,
            status,
            unmatched_failure=unmatched,
            retry=RetryRequest(max_retries=max_retries or 0) if retryable else None,
            evidence=Evidence(return_code=1),
        )
        for _ in range(1 + twice):
            answer = self.run.report([ending])
            assert answer.completed == [ending.job_id]
            assert not answer.errors

    @rule(place=PLACES, max_retries=st.integers(min_value=0, max_value=5))
    def retry(self, place: int, max_retries: int) -> None:
        self.write(retry_job, self.pick(place).id, run_id=self.run.run_id, max_retries=max_retries)

    @rule(place=PLACES)
    def give_up(self, place: int) -> None:
        self.write(manage_status_change, self.pick(place).id, S.PENDING_FAILED, run_id=self.run.run_id)

    @rule(place=PLACES, status=st.sampled_from(list(S)))
    def change_by_hand(self, place: int, status: S) -> None:
        self.write(manage_status_change, self.pick(place).id, status, run_id=self.run.run_id)

    @rule(place=PLACES)
    def disable(self, place: int) -> None:
        chosen = self.pick(place)
        wanted = self.run.job(chosen.name).model_copy(update={"status": S.DISABLED})
        self.write(update_job, chosen.id, wanted)

    @rule(failed_only=st.booleans())
    def reset_jobs(self, failed_only: bool) -> None:
        self.write(reset_job_status, self.run.workflow_id, failed_only=failed_only)

    @rule(places=st.lists(PLACES, min_size=1, max_size=3))
    def reset_some_jobs_within_the_run(self, places: list[int]) -> None:
        request = ResetJobsRequest(job_ids=[self.pick(place).id for place in places], run_id=self.run.run_id)
        self.write(reset_some_jobs, self.run.workflow_id, request)

    @rule()
    def go_on_to_the_next_run_as_old_clients_do(self) -> None:
        if self.write(put_workflow_status, self.run.workflow_id, OldWorkflowStatus(run_id=self.run.run_id + 1)):
            self.run.run_id += 1

    @rule(force=st.booleans())
    def reset_workflow(self, force: bool) -> None:
        if self.write(reset_workflow_status, self.run.workflow_id, force=force):
            self.run.run_id += 1

    @rule(
        places=st.lists(PLACES, min_size=1, max_size=4),
        is_infrastructure_fault=st.booleans(),
        memory=st.sampled_from([None, "2m", "3m"]),
    )
    def recover(self, places: list[int], is_infrastructure_fault: bool, memory: str | None) -> None:
        retries = [
            PlannedRetry(
                job_id=chosen.id,
                run_id=self.run.run_id,
                attempt_id=chosen.attempt_id,
                reason="test",
                memory=memory,
                is_infrastructure_fault=is_infrastructure_fault,
            )
            for chosen in map(self.pick, places)
        ]
        request = ApplyRecoveryRequest(run_id=self.run.run_id, retries=retries, requested_by="u")
        if self.write(apply_recovery, self.run.workflow_id, request):
            self.run.run_id += 1
            assert not self.at_work()

    @rule(place=PLACES)
    def change_inputs(self, place: int) -> None:
        sql = "UPDATE job SET command = command || '!' WHERE id = :id"
        self.bench.write(UnitOfWork.run, sql, id=self.pick(place).id)
        self.write(process_changed_job_inputs, self.run.workflow_id)

    @rule()
    def cancel(self) -> None:
        self.write(cancel_workflow, self.run.workflow_id)

    @rule(place=PLACES)
    def release(self, place: int) -> None:
        request = ReleaseClaimsRequest(compute_node_id=self.run.runner, job_ids=[self.pick(place).id])
        self.write(release_claims, self.run.workflow_id, request)

    @rule(requeue=st.booleans())
    def lose_the_runner(self, requeue: bool) -> None:
        request = ReclaimRequest(compute_node_ids=[self.run.runner], requeue=requeue, reason="gone")
        self.write(reclaim_jobs, self.run.workflow_id, request)
        # a program that is no runner may be at work on others
        assert not [name for name in self.at_work() if self.run.state(name).compute_node_id == self.run.runner]
        assert not self.bench.write(reclaim_jobs, self.run.workflow_id, request).jobs
        self.run.runner = self.run.new_runner()

    @precondition(lambda self: len(self.names) > 2)
    @rule(place=PLACES)
    def delete(self, place: int) -> None:
        chosen = self.pick(place)
        self.write(delete_job, chosen.id)
        self.names.remove(chosen.name)

    @rule(place=PLACES, event=st.sampled_from(list(Event)))
    def event_that_must_not_happen(self, place: int, event: Event) -> None:
        chosen = self.pick(place)
        if chosen.status is S.UNINITIALIZED and event in {Event.CLAIM, Event.START, Event.RESET}:
            assert self.bench.write(apply_event, event, [chosen.id], owner=self.run.runner) == []

    @invariant()
    def everything_holds(self) -> None:
        broken = self.bench.read(invariants.check)
        assert not broken, "\n".join(broken)

    @invariant()
    def summaries_agree_with_the_jobs(self) -> None:
        if not hasattr(self, "run"):
            return
        statuses = list(self.run.statuses().values())
        summary = self.bench.read(workflow_status, self.run.workflow_id)
        counts = summary.jobs_by_status.model_dump()
        assert {name: n for name, n in counts.items() if n} == {s: statuses.count(s) for s in statuses}
        complete = self.bench.read(is_complete, self.run.workflow_id)
        assert complete.is_complete == (complete.is_canceled or all(s in DONE for s in statuses))


LifecycleMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestLifecycle = LifecycleMachine.TestCase
