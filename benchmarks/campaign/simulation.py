"""Runs one campaign: simulated runners of a real server, on simulated time, until only a person can go on."""

import heapq
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from benchmarks.campaign.world import GIB, AttemptEnd, SimulatedJob, World
from torc_client.http import TorcClient
from torc_core.api.drafts import ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.jobs import (
    ComputeNodesResources,
    JobCompletion,
    JobDraft,
    JobModel,
    ReclaimRequest,
    StartJobsRequest,
)
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel
from torc_core.evidence.record import SchedulerFacts
from torc_core.jobs.status import JobStatus
from torc_core.resources.duration import format_duration, parse_duration
from torc_core.resources.memory import parse_memory

NODE_CPUS: Final = 64
NODE_GB: Final = 256
TICK_S: Final = 600.0
"""Runners see an end, and claim, every so many simulated seconds: fewer requests, and the same for every strategy."""
LOSS_EVERY_S: Final = 5400.0
"""So often a runner is lost with its node."""
REPLACED_S: Final = 1800.0
"""So long it takes until another runner takes its place."""
_DAY: Final = "2026-01-01T00:00:00Z"


class Strategy(Protocol):
    """What is done about failures."""

    name: str
    groups: bool
    """Whether a person decides about groups of what is left, not about jobs."""
    requeues: bool
    """Whether jobs of a lost runner are ready again at once."""

    def failed(self, campaign: "Campaign", job_ids: Collection[int]) -> None:
        """Act on attempts that just failed, while others run."""

    def at_rest(self, campaign: "Campaign") -> bool:
        """Act once nothing runs any more; return whether jobs may go on."""
        ...


class Amounts(NamedTuple):
    """A requirement as it is now."""

    cpus: int
    memory_bytes: int
    runtime_s: float


class _Running(NamedTuple):
    end_s: float
    job_id: int
    begin_s: float
    amounts: Amounts
    end: AttemptEnd
    attempt: int


@dataclass
class _Runner:
    node_id: int
    free_cpus: int
    free_bytes: int
    running: list[_Running] = field(default_factory=list)


@dataclass
class Spent:
    """What a campaign used."""

    node_hours: float = 0.0
    attempts: int = 0
    wrong_retries: int = 0
    """Attempts of jobs that no further attempt completes, after their first."""
    wrong_retry_node_hours: float = 0.0


class Campaign:
    """One workflow of all jobs of the world, from its start until a strategy has nothing left to do."""

    def __init__(self, client: TorcClient, world: World, *, runners: int, nodes_each: int) -> None:
        self.client = client
        self.world = world
        self.now_s = 0.0
        self.run_id = 1
        self.spent = Spent()
        self.finished_s = 0.0
        self._nodes_each = nodes_each
        self.workflow_id, self._first_job = self._create()
        self._amounts: dict[int, Amounts] = {}
        self._runners = [self._new_runner() for _ in range(runners)]
        self._replacements: list[float] = []
        self._losses = 0
        self._begun: Counter[int] = Counter()
        self._failed_for_good: set[int] = set()
        """Jobs that failed as every further attempt of them will."""

    def run(self, strategy: Strategy) -> None:
        """Go on until the strategy leaves everything as it is."""
        while True:
            self._run_until_rest(strategy)
            if not strategy.at_rest(self):
                return
            self.run_id = self.client.workflow_status(self.workflow_id).run_id

    def job(self, job_id: int) -> SimulatedJob:
        """Return what the world knows of the job."""
        return self.world.jobs[job_id - self._first_job]

    def _run_until_rest(self, strategy: Strategy) -> None:
        while True:
            self._lose_a_runner(strategy)
            failed = [job_id for runner in self._runners for job_id in self._complete(runner)]
            if failed:
                strategy.failed(self, failed)
            claimed = sum([self._claim(runner) for runner in self._runners])
            if not claimed and not self._replacements and not any(runner.running for runner in self._runners):
                return
            self.now_s += TICK_S

    def _complete(self, runner: _Runner) -> list[int]:
        """Report the attempts that have ended; return the jobs that failed."""
        ended = []
        while runner.running and runner.running[0].end_s <= self.now_s:
            one = heapq.heappop(runner.running)
            runner.free_cpus += one.amounts.cpus
            runner.free_bytes += one.amounts.memory_bytes
            self._count(one, one.end.after_s)
            ended.append(one)
        self._failed_for_good |= {job.number for one in ended if not (job := self.job(one.job_id)).is_curable}
        if ended:
            self.finished_s = max(self.finished_s, max(one.end_s for one in ended))
            self.client.complete_jobs(self.workflow_id, [self._completion(runner, one) for one in ended])
        return [one.job_id for one in ended if one.end.evidence is not None]

    def _completion(self, runner: _Runner, one: _Running) -> JobCompletion:
        evidence = one.end.evidence
        status = JobStatus.COMPLETED if evidence is None else JobStatus.FAILED
        result = ResultModel(
            job_id=one.job_id,
            workflow_id=self.workflow_id,
            run_id=self.run_id,
            attempt_id=one.attempt,
            compute_node_id=runner.node_id,
            return_code=0 if evidence is None else evidence.return_code,
            exec_time_minutes=one.end.after_s / 60,
            completion_time=_DAY,
            status=status,
            peak_memory_bytes=one.end.peak_bytes if evidence is None else evidence.peak_memory_bytes,
        )
        return JobCompletion(
            job_id=one.job_id,
            status=status,
            run_id=self.run_id,
            result=result,
            evidence=evidence,
            unmatched_failure=evidence is not None,
        )

    def _claim(self, runner: _Runner) -> int:
        if runner.free_cpus < 1 or runner.free_bytes < GIB:
            return 0
        resources = ComputeNodesResources(
            id=runner.node_id, num_cpus=runner.free_cpus, memory_gb=runner.free_bytes / GIB
        )
        jobs = self.client.claim_jobs(self.workflow_id, resources, limit=runner.free_cpus).jobs
        if not jobs:
            return 0
        ids = [job.id or 0 for job in jobs]
        request = StartJobsRequest(run_id=self.run_id, compute_node_id=runner.node_id, job_ids=ids)
        self.client.start_jobs(self.workflow_id, request)
        for job in jobs:
            self._start(runner, job)
        return len(jobs)

    def _start(self, runner: _Runner, model: JobModel) -> None:
        amounts = self.amounts_of(model.resource_requirements_id or 0)
        job = self.job(model.id or 0)
        self._begun[job.number] += 1
        end = self.world.attempt(
            job,
            attempt=self._begun[job.number],
            begin_s=self.now_s,
            memory_bytes=amounts.memory_bytes,
            limit_s=amounts.runtime_s,
        )
        runner.free_cpus -= amounts.cpus
        runner.free_bytes -= amounts.memory_bytes
        started = _Running(self.now_s + end.after_s, model.id or 0, self.now_s, amounts, end, model.attempt_id or 1)
        heapq.heappush(runner.running, started)

    def _count(self, one: _Running, ran_s: float) -> None:
        share = max(one.amounts.cpus / NODE_CPUS, one.amounts.memory_bytes / (NODE_GB * GIB))
        hours = ran_s / 3600 * share
        self.spent.node_hours += hours
        self.spent.attempts += 1
        job = self.job(one.job_id)
        if job.number in self._failed_for_good:
            self.spent.wrong_retries += 1
            self.spent.wrong_retry_node_hours += hours

    def _lose_a_runner(self, strategy: Strategy) -> None:
        while self._replacements and self._replacements[0] <= self.now_s:
            heapq.heappop(self._replacements)
            self._runners.append(self._new_runner())
        if self.now_s < (self._losses + 1) * LOSS_EVERY_S or len(self._runners) < 2:
            return
        self._losses += 1
        lost = self._runners.pop(int(self.world.chance("lost", self._losses) * len(self._runners)))
        for one in lost.running:
            self._count(one, self.now_s - one.begin_s)
        request = ReclaimRequest(
            compute_node_ids=[lost.node_id],
            requeue=strategy.requeues,
            reason="its node failed",
            scheduler=SchedulerFacts(type="slurm", state="NODE_FAIL"),
        )
        reclaimed = self.client.reclaim_jobs(self.workflow_id, request).jobs
        heapq.heappush(self._replacements, self.now_s + REPLACED_S)
        failed = [job.job_id for job in reclaimed if job.outcome in ("failed", "pending_failed")]
        if failed:
            strategy.failed(self, failed)

    def amounts_of(self, requirement_id: int) -> Amounts:
        """Return the amounts of a requirement, as they are now."""
        if requirement_id not in self._amounts:
            self.forget_amounts()
            for each in self.client.resource_requirements.list_all(workflow_id=self.workflow_id):
                self._amounts[each.id or 0] = Amounts(
                    each.num_cpus, parse_memory(each.memory), parse_duration(each.runtime)
                )
        return self._amounts[requirement_id]

    def forget_amounts(self) -> None:
        """Read the requirements again at the next start: somebody changed them."""
        self._amounts.clear()

    def _create(self) -> tuple[int, int]:
        templates: Sequence[ResourceRequirementsDraft] = [
            ResourceRequirementsDraft(
                name=each.name,
                num_cpus=each.cpus,
                memory=f"{each.memory_gb}g",
                runtime=format_duration(each.runtime_s),
            )
            for each in self.world.templates
        ]
        draft = WorkflowDraft(
            workflow=WorkflowModel(name="campaign", user="benchmark", use_pending_failed=True),
            resource_requirements=list(templates),
            jobs=[
                JobDraft(name=job.name, command="true", resource_requirements=job.template.number)
                for job in self.world.jobs
            ],
        )
        created = self.client.create_from_draft(draft)
        workflow_id = created.workflow.id or 0
        self.client.initialize_jobs(workflow_id)
        return workflow_id, created.first_job_id or 0

    def _new_runner(self) -> _Runner:
        cpus, gigabytes = NODE_CPUS * self._nodes_each, NODE_GB * self._nodes_each
        node = self.client.compute_nodes.create(
            ComputeNodeModel(
                workflow_id=self.workflow_id,
                hostname="simulated",
                pid=1,
                start_time=_DAY,
                num_cpus=cpus,
                num_gpus=0,
                num_nodes=1,
                memory_gb=gigabytes,
                compute_node_type="local",
            )
        )
        return _Runner(node.id or 0, cpus, gigabytes * GIB)
