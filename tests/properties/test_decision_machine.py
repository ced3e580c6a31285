"""Proposals and decisions between claims, failures and resets: a job moves only from the attempt decided about."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from services_bench import Bench, Run, job
from triage import AGENT, BUG, PERSON, REFUSED, REQUIREMENTS, STRANGE, fail

from torc_core.api.failures import (
    Actor,
    ApproveRequest,
    Classification,
    ClassifiedJob,
    ClassifyRequest,
    DecisionLimits,
    RejectRequest,
)
from torc_core.errors import ForbiddenError, InvalidInputError, StateConflictError
from torc_core.jobs.status import JobStatus
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.paging import PageRequest
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.services.runs.reset import reset_job_status, reset_workflow_status
from torc_server.services.triage import decide as decisions
from torc_server.services.triage import proposals
from torc_server.services.triage.groups import list_groups

NAMES = tuple("abcd")
TEXTS = st.sampled_from([REFUSED, BUG, STRANGE, None])
LIMITS = DecisionLimits(max_ai_retries=1)
ACTORS = st.sampled_from([AGENT, PERSON, Actor(kind="rules", name="r")])
MEMORY = st.sampled_from([None, "512m", "2g", "4g"])
State = tuple[JobStatus | None, int | None]


class DecisionMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench.at(Path(self.folder.name) / "torc.db")
        self.open: list[int] = []

    @initialize()
    def create(self) -> None:
        jobs = [job(name, *([0] if name == "d" else []), resource_requirements=0) for name in NAMES]
        self.run: Run = self.bench.workflow(jobs, **REQUIREMENTS)
        self.run_ready([REFUSED, REFUSED, STRANGE])

    @rule(texts=st.lists(TEXTS, min_size=3, max_size=3))
    def work(self, texts: list[str | None]) -> None:
        """What is ready runs; some of it fails for no known reason, the rest succeeds."""
        self.run_ready(texts)

    def run_ready(self, texts: Sequence[str | None]) -> None:
        claimed = self.run.claim()
        self.run.start(*claimed)
        for name, text in zip(claimed, [*texts, *[""] * len(claimed)], strict=False):
            if text == "":
                self.run.end(name)
            else:
                fail(self.run, name, text)

    @rule(
        places=st.lists(st.integers(0, len(NAMES) - 1), min_size=1, max_size=3),
        action=st.sampled_from(["retry", "fail"]),
        memory=MEMORY,
        actor=ACTORS,
        proposed=st.booleans(),
    )
    def decide_jobs(self, places: list[int], action: str, memory: str | None, actor: Actor, proposed: bool) -> None:
        memory = memory if action == "retry" else None
        body = {"action": action, "reason": "why not", "memory": memory}
        wanted = [Classification.model_validate({"job_id": self.run.id(NAMES[place]), **body}) for place in places]
        try:
            self.submit(ClassifyRequest(classifications=wanted, actor=actor, limits=LIMITS), proposed=proposed)
        except InvalidInputError:
            assert len(set(places)) < len(places)

    @rule(action=st.sampled_from(["retry", "fail"]), actor=ACTORS, proposed=st.booleans())
    def decide_groups(self, action: str, actor: Actor, proposed: bool) -> None:
        body = {"action": action, "reason": "all alike"}
        wanted = [Classification.model_validate({"signature": signature, **body}) for signature in self.signatures()]
        if wanted:
            self.submit(ClassifyRequest(classifications=wanted, actor=actor, limits=LIMITS), proposed=proposed)

    def submit(self, request: ClassifyRequest, *, proposed: bool) -> None:
        """As soon as a decision is applied the retried jobs fail again, so that there is more to decide."""
        before = self.states()
        if proposed:
            self.open.append(self.bench.write(proposals.propose, self.run.workflow_id, request).id)
            assert self.states() == before
            return
        previewed = self.bench.read(decisions.preview, self.run.workflow_id, request)
        answer = self.bench.write(decisions.decide, self.run.workflow_id, request)
        assert [item.status != "skipped" for item in previewed.jobs] == [
            item.status == "applied" for item in answer.jobs
        ]
        self.moved_only_what_waited(before, answer.jobs)
        self.run_ready([REFUSED] * len(NAMES))

    @rule(actor=ACTORS, overtaking=st.sampled_from(["retry", "fail", "reset"]))
    def approve_too_late(self, actor: Actor, overtaking: str) -> None:
        """Everything that waits is proposed, and decided or reset before the approval."""
        body = {"action": "retry", "reason": "soon"}
        wanted = [Classification.model_validate({"signature": signature, **body}) for signature in self.signatures()]
        if wanted:
            self.submit(ClassifyRequest(classifications=wanted, actor=AGENT), proposed=True)
            if overtaking == "reset":
                self.reset_failures(new_run=False)
                self.run_ready([REFUSED] * len(NAMES))
            else:
                faster = [one.model_copy(update={"action": overtaking}) for one in wanted]
                self.submit(ClassifyRequest(classifications=faster, actor=PERSON), proposed=False)
            self.approve_one(self.open[-1], actor, partly=False)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), actor=ACTORS, partly=st.booleans())
    def approve(self, data: st.DataObject, actor: Actor, partly: bool) -> None:
        self.approve_one(data.draw(st.sampled_from(self.open)), actor, partly=partly)

    def approve_one(self, proposal_id: int, actor: Actor, *, partly: bool) -> None:
        before = self.states()
        proposal = self.bench.read(proposals.get_proposal, proposal_id)
        only = [item.job_id for item in proposal.jobs[:1]] if partly else None
        try:
            answer = self.bench.write(proposals.approve, proposal_id, ApproveRequest(actor=actor, only_job_ids=only))
        except ForbiddenError:
            assert actor.kind != "person"
        except StateConflictError:
            assert proposal.status != "open"
        else:
            assert proposal.status == "open"
            self.moved_only_what_waited(before, answer.jobs)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        proposal_id = data.draw(st.sampled_from(self.open))
        before = self.states()
        try:
            self.bench.write(proposals.reject, proposal_id, RejectRequest(actor=PERSON, reason="no"))
        except StateConflictError as error:
            assert any(word in error.message for word in ("already", "expired", "superseded"))
        assert self.states() == before

    @rule(hours=st.integers(1, 10))
    def time_goes_on(self, hours: int) -> None:
        self.bench.clock.go_on(hours=hours)

    @rule(new_run=st.booleans())
    def reset_failures(self, new_run: bool) -> None:
        self.bench.write(reset_job_status, self.run.workflow_id, failed_only=True)
        if new_run:
            self.bench.write(reset_workflow_status, self.run.workflow_id)
            self.run.run_id += 1
        self.bench.write(initialize_jobs, self.run.workflow_id, only_uninitialized=True)

    @invariant()
    def agents_and_rules_keep_their_bound(self) -> None:
        """They send a job back once since a person last decided about it."""
        most = self.bench.count(
            """
            SELECT MAX(n) FROM (
                SELECT COUNT(*) AS n FROM decision d
                WHERE action = 'retry' AND decided_by_kind <> 'person' AND id > COALESCE(
                    (SELECT MAX(id) FROM decision WHERE job_id = d.job_id AND decided_by_kind = 'person'), 0
                )
                GROUP BY job_id
            )
            """
        )
        assert (most or 0) <= 1

    @invariant()
    def no_attempt_is_decided_twice(self) -> None:
        twice = self.bench.read(
            UnitOfWork.rows,
            "SELECT job_id, run_id, attempt_id FROM decision GROUP BY 1, 2, 3 HAVING COUNT(*) > 1",
        )
        assert [tuple(row) for row in twice] == []

    def signatures(self) -> list[str]:
        found = self.bench.read(
            list_groups, self.run.workflow_id, PageRequest(), status="pending_failed", job_ids_limit=None
        )
        return [group.signature for group in found.items]

    def states(self) -> dict[int, State]:
        return {self.run.id(name): (job.status, job.attempt_id) for name in NAMES for job in [self.run.job(name)]}

    def moved_only_what_waited(self, before: dict[int, State], items: list[ClassifiedJob]) -> None:
        after = self.states()
        for item in items:
            if item.status == "applied":
                assert before[item.job_id] == (JobStatus.PENDING_FAILED, item.attempt_id)
                ends = (JobStatus.READY, item.attempt_id + 1), (JobStatus.FAILED, item.attempt_id)
                assert after[item.job_id] == ends[item.action == "fail"]
        applied = {item.job_id for item in items if item.status == "applied"}
        for job_id, state in after.items():
            if job_id not in applied and before[job_id] != state:
                assert state[0] in (JobStatus.CANCELED, JobStatus.READY), "only dependents follow"
                assert before[job_id][0] is JobStatus.BLOCKED

    def teardown(self) -> None:
        self.bench.database.close()
        self.folder.cleanup()


DecisionMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDecisions = DecisionMachine.TestCase
