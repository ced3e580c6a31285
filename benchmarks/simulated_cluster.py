"""A cluster on simulated time: a scheduler to submit to, and the runners of the allocations that it starts.

Nothing of the product is replaced: submissions come through the `Scheduler` protocol, and the runners speak HTTP to a
real server as those of `torc-slurm-job-runner` do: they record their allocation, register, claim by resources, start,
complete, send heartbeats and leave. Only processes and clocks are simulated.
"""

import heapq
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from torc_client.http import TorcClient
from torc_client.recovery.own_allocation import begin_own_allocation
from torc_core.api.jobs import ComputeNodesResources, JobCompletion, StartJobsRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.jobs.status import JobStatus
from torc_core.resources.duration import format_duration
from torc_core.slurm.allocation import AccountingRecord, AllocationRequest, AllocationStatus, Partition, Phase
from torc_core.slurm.quantities import count_array_tasks

CLUSTER = "simulated"
NODE_CPUS = 104
NODE_MEMORY_GB = 240
HEARTBEAT_S = 30.0
_AT_ONCE = 100
"""After so many steps the simulation looks whether its time is over."""
_BEGUN = "2026-01-01T00:00:00Z"


@dataclass
class SimulatedAllocation:
    """One allocation, or one task of an array."""

    scheduler_id: int
    key: str
    nodes: int
    walltime_s: float
    array_id: int | None = None
    task: int | None = None
    phase: Phase = Phase.QUEUED

    def environment(self) -> dict[str, str]:
        """Return what Slurm would set for a process in it."""
        of_array = {"SLURM_ARRAY_JOB_ID": str(self.array_id), "SLURM_ARRAY_TASK_ID": str(self.task)}
        return {
            "SLURM_JOB_ID": str(self.scheduler_id),
            "SLURM_JOB_NAME": self.key,
            "SLURM_CLUSTER_NAME": CLUSTER,
            **(of_array if self.array_id is not None else {}),
        }


@dataclass
class SimulatedCluster:
    """Starts allocations in the order of submission as nodes become free. A `Scheduler`."""

    nodes: int
    free: int = field(init=False)
    allocations: dict[int, SimulatedAllocation] = field(default_factory=dict)
    _queue: deque[SimulatedAllocation] = field(default_factory=deque)
    _next_id: int = 1

    def __post_init__(self) -> None:
        self.free = self.nodes

    def name(self) -> str:
        return CLUSTER

    def submit(self, request: AllocationRequest) -> int:
        options = dict(word.removeprefix("--").split("=", 1) for word in request.options)
        array = options.get("array")
        first = self._next_id
        for task in range(1 if array is None else count_array_tasks(array)):
            allocation = SimulatedAllocation(
                scheduler_id=self._next_id,
                key=request.key,
                nodes=int(options["nodes"]),
                walltime_s=float(options["time"]) * 60,
                array_id=None if array is None else first,
                task=None if array is None else task,
            )
            self.allocations[allocation.scheduler_id] = allocation
            self._queue.append(allocation)
            self._next_id += 1
        return first

    def find(self, key: str) -> int | None:
        return next((each.scheduler_id for each in self.allocations.values() if each.key == key), None)

    def queue(self, scheduler_ids: Collection[int]) -> Sequence[AllocationStatus]:
        wanted = set(scheduler_ids)
        return [
            AllocationStatus(
                scheduler_id=each.scheduler_id,
                name=each.key,
                state=each.phase.name,
                phase=each.phase,
                array_job_id=each.array_id,
            )
            for each in self.allocations.values()
            if each.scheduler_id in wanted or each.array_id in wanted
        ]

    def status(self, scheduler_ids: Collection[int]) -> Mapping[int, AllocationStatus]:
        return {row.scheduler_id: row for row in self.queue(scheduler_ids)}

    def cancel(self, scheduler_ids: Collection[int]) -> None:
        for scheduler_id in scheduler_ids:
            self.allocations[scheduler_id].phase = Phase.ENDED

    def accounting(self, scheduler_ids: Collection[int]) -> Mapping[int, AccountingRecord]:
        del scheduler_ids
        return {}

    def partitions(self) -> Sequence[Partition]:
        return [
            Partition(
                name="standard",
                is_default=True,
                max_time_s=4 * 3600,
                node_count=self.nodes,
                cpus_per_node=NODE_CPUS,
                memory_bytes_per_node=NODE_MEMORY_GB << 30,
            )
        ]

    def start_queued(self) -> list[SimulatedAllocation]:
        """Start what fits, first come first served; return it."""
        started = []
        while self._queue and self._queue[0].nodes <= self.free:
            allocation = self._queue.popleft()
            if allocation.phase is not Phase.QUEUED:
                continue
            allocation.phase = Phase.RUNNING
            self.free -= allocation.nodes
            started.append(allocation)
        return started

    def end(self, allocation: SimulatedAllocation) -> None:
        allocation.phase = Phase.ENDED
        self.free += allocation.nodes


class RequestLog:
    """Counts requests and times claims, on the wall clock; shared by all threads."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.claims_ms: list[float] = []
        self.seconds: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def request(self, kind: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        took_ms = (time.perf_counter() - begin) * 1000
        with self._lock:
            self.counts[kind] += 1
            self.seconds[kind] += took_ms / 1000
            if kind == "claim":
                self.claims_ms.append(took_ms)

    @property
    def total(self) -> int:
        return self.counts.total()


@dataclass
class SimulatedRunner:
    """The runner of one allocation: its jobs end when their simulated time is over."""

    workflow_id: int
    allocation: SimulatedAllocation
    begun_s: float
    log: RequestLog
    stated_s: Mapping[int | None, float]
    """Stated runtime of each resource requirement."""
    needs: Mapping[int | None, tuple[int, float]]
    """CPUs and gigabytes of each resource requirement."""
    node_id: int = 0
    record: object = None
    free_cpus: int = 0
    free_gb: float = 0.0
    running: list[tuple[float, int, int | None]] = field(default_factory=list)
    is_begun: bool = False
    heard_s: float = 0.0

    def step(self, client: TorcClient, now_s: float) -> float | None:
        """Do what is due; return when to be called again, None when it has left."""
        if not self.is_begun:
            self._begin(client)
        else:
            if now_s - self.heard_s >= HEARTBEAT_S:
                with self.log.request("heartbeat"):
                    client.heartbeat(self.node_id)
                self.heard_s = now_s
            self._complete(client, now_s)
        self._claim(client, now_s)
        if self.running:
            return self.running[0][0]
        self._leave(client)
        return None

    def _begin(self, client: TorcClient) -> None:
        with self.log.request("allocation"):
            self.record = begin_own_allocation(client, self.workflow_id, self.allocation.environment())
        self.free_cpus = NODE_CPUS * self.allocation.nodes
        self.free_gb = float(NODE_MEMORY_GB * self.allocation.nodes)
        with self.log.request("register"):
            node = client.compute_nodes.create(
                ComputeNodeModel(
                    workflow_id=self.workflow_id,
                    hostname=f"node{self.allocation.scheduler_id}",
                    pid=1,
                    start_time=_BEGUN,
                    num_cpus=self.free_cpus,
                    num_gpus=0,
                    num_nodes=1,
                    memory_gb=self.free_gb,
                    compute_node_type="slurm",
                    is_active=True,
                    scheduler={"slurm_job_id": str(self.allocation.scheduler_id), "cluster": CLUSTER},
                )
            )
        self.node_id, self.is_begun = node.id or 0, True

    def _complete(self, client: TorcClient, now_s: float) -> None:
        ended: list[int] = []
        while self.running and self.running[0][0] <= now_s:
            _, job_id, requirement = heapq.heappop(self.running)
            cpus, gigabytes = self.needs[requirement]
            self.free_cpus, self.free_gb = self.free_cpus + cpus, self.free_gb + gigabytes
            ended.append(job_id)
        if ended:
            with self.log.request("complete"):
                client.complete_jobs(self.workflow_id, [self._completion(job_id) for job_id in ended])

    def _completion(self, job_id: int) -> JobCompletion:
        result = ResultModel(
            job_id=job_id,
            workflow_id=self.workflow_id,
            run_id=1,
            attempt_id=1,
            compute_node_id=self.node_id,
            return_code=0,
            exec_time_minutes=1.0,
            completion_time=_BEGUN,
            status=JobStatus.COMPLETED,
        )
        return JobCompletion(job_id=job_id, status=JobStatus.COMPLETED, run_id=1, result=result)

    def _claim(self, client: TorcClient, now_s: float) -> None:
        left_s = self.begun_s + self.allocation.walltime_s - now_s
        if self.free_cpus < 1 or left_s < 60:
            return
        resources = ComputeNodesResources(
            id=self.node_id, num_cpus=self.free_cpus, memory_gb=self.free_gb, time_limit=format_duration(left_s)
        )
        with self.log.request("claim"):
            jobs = client.claim_jobs(self.workflow_id, resources, limit=self.free_cpus).jobs
        if not jobs:
            return
        ids = [job.id or 0 for job in jobs]
        with self.log.request("start"):
            request = StartJobsRequest(run_id=1, compute_node_id=self.node_id, job_ids=ids)
            client.start_jobs(self.workflow_id, request)
        for job in jobs:
            requirement = job.resource_requirements_id
            cpus, gigabytes = self.needs[requirement]
            self.free_cpus, self.free_gb = self.free_cpus - cpus, self.free_gb - gigabytes
            # between half of what is stated and all of it, the same in every run of the benchmark
            share = 0.5 + (job.id or 0) * 2654435761 % 1000 / 2000
            end_s = now_s + max(1.0, float(round(self.stated_s[requirement] * share)))
            heapq.heappush(self.running, (end_s, job.id or 0, requirement))

    def _leave(self, client: TorcClient) -> None:
        with self.log.request("leave"):
            node = client.compute_nodes.get(self.node_id)
            client.compute_nodes.update(self.node_id, node.model_copy(update={"is_active": False}))


@dataclass
class Simulation:
    """Simulated time: allocations start and runners act, those of one second at the same time on several threads."""

    cluster: SimulatedCluster
    make_runner: Callable[[SimulatedAllocation, float], SimulatedRunner]
    connect: Callable[[], TorcClient]
    log: RequestLog
    clients: int
    now_s: float = 0.0
    busiest_minute: int = 0
    """The most requests in one minute of simulated time, with two heartbeats of each node that is in use."""
    _local: threading.local = field(default_factory=threading.local)

    def run(self, *, until: float | None = None) -> bool:
        """Go on until nothing runs and nothing is queued, and return True; False at this time of the wall clock."""
        events: list[tuple[float, int, SimulatedRunner]] = []
        minute, before = 0, 0
        with ThreadPoolExecutor(self.clients) as pool:
            while True:
                for allocation in self.cluster.start_queued():
                    runner = self.make_runner(allocation, self.now_s)
                    heapq.heappush(events, (self.now_s, allocation.scheduler_id, runner))
                if not events:
                    return True
                self.now_s = max(self.now_s, events[0][0])
                if int(self.now_s // 60) != minute:
                    # those that a runner sends between its steps are not simulated, and counted here
                    heartbeats = int((self.cluster.nodes - self.cluster.free) * 60 / HEARTBEAT_S)
                    sent = self.log.total - self.log.counts["heartbeat"]
                    self.busiest_minute = max(self.busiest_minute, sent - before + heartbeats)
                    minute, before = int(self.now_s // 60), sent
                due = []
                while events and events[0][0] <= self.now_s:
                    due.append(heapq.heappop(events)[2])
                for part in (due[first : first + _AT_ONCE] for first in range(0, len(due), _AT_ONCE)):
                    if until is not None and time.perf_counter() > until:
                        return False
                    for runner, following in zip(part, pool.map(self._step, part), strict=True):
                        if following is None:
                            self.cluster.end(runner.allocation)
                        else:
                            heapq.heappush(events, (following, runner.allocation.scheduler_id, runner))

    def _step(self, runner: SimulatedRunner) -> float | None:
        if not hasattr(self._local, "client"):
            self._local.client = self.connect()
        return runner.step(self._local.client, self.now_s)
