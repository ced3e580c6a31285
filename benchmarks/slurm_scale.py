"""A large Slurm cluster on simulated time: the planner, claims and the server under all its runners.

    python -m benchmarks.slurm_scale [--jobs 4000] [--nodes 40] [--clients 4] [--plan-jobs 1000000]
    python -m benchmarks.slurm_scale --full [--seconds 300]

The jobs go through a real server, in allocations that the real planner plans for a simulated cluster; the figures are
of the wall clock. `needed` is what the cluster would send in its busiest minute: where it is more than the server
answers, the cluster is too large for the server. The clients are on the same machine and take half of it, at least;
a server with a core of its own answers about 1000 / `server CPU ms each` a second.

`--full` is one cluster of 10,000 nodes and one workflow of 1,000,000 jobs: all are created, initialized, read, planned
and submitted; then all nodes work, for so many seconds of the wall clock, because the jobs themselves would take hours.
"""

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import machine, print_table
from benchmarks.scale import Server
from benchmarks.simulated_cluster import (
    NODE_CPUS,
    RequestLog,
    SimulatedAllocation,
    SimulatedCluster,
    SimulatedRunner,
    Simulation,
)
from torc_client.http import TorcClient
from torc_client.planned_jobs import ready_jobs
from torc_client.recovery.allocations import Allocations, PlannedAllocation
from torc_core.api.drafts import ResourceRequirementsDraft, SlurmSchedulerDraft, WorkflowDraft
from torc_core.api.jobs import JobDraft, JobModel
from torc_core.api.workflows import WorkflowModel
from torc_core.jobs.status import JobStatus
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_core.slurm.allocation import AllocationRequest
from torc_core.slurm.plan import PlannedJob, PlanOptions, Requirement
from torc_core.slurm.planner import plan_allocations
from torc_core.slurm.quantities import count_array_tasks

_KINDS = (
    ResourceRequirementsDraft(name="small", num_cpus=1, memory="2g", runtime="PT10M"),
    ResourceRequirementsDraft(name="medium", num_cpus=4, memory="8g", runtime="PT30M"),
    ResourceRequirementsDraft(name="large", num_cpus=26, memory="60g", runtime="PT1H"),
)
_SHARES = (0, 0, 0, 0, 0, 0, 0, 1, 1, 2)
"""The kind of each of ten jobs."""
_BATCH = 20_000
"""So many jobs are created in one request."""
_MERGED = 100
_FULL_NODES = 10_000
_FULL_JOBS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class SimulatedRun:
    """The figures of one cluster and one workflow."""

    nodes: int
    jobs: int
    allocations: int
    rounds: int
    create_s: float
    initialize_s: float
    read_s: float
    plan_s: float
    submit_s: float
    completed: int
    requests: int
    wall_s: float
    simulated_s: float
    needed_per_s: float
    claims_ms: list[float]
    server_mb: float
    server_cpu_s: float


def measure_planner(jobs: int) -> tuple[float, int]:
    """Return the seconds that the planner takes for so many jobs, and the number of allocations."""
    needs = [
        Requirement(
            name=each.name,
            cpus=each.num_cpus,
            memory_bytes=parse_memory(each.memory),
            runtime_s=parse_duration(each.runtime),
        )
        for each in _KINDS
    ]
    planned = [PlannedJob(name=f"job_{number}", requirement=needs[_SHARES[number % 10]]) for number in range(jobs)]
    partitions = SimulatedCluster(nodes=_FULL_NODES).partitions()
    begin = time.perf_counter()
    plan = plan_allocations(planned, partitions)
    return time.perf_counter() - begin, plan.allocations


def measure(*, jobs: int, nodes: int, clients: int, seconds: float | None = None) -> SimulatedRun:
    """Return the figures of one cluster and workflow; with `seconds`, of so much of its run."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            return _simulate(server, Path(folder), jobs=jobs, nodes=nodes, clients=clients, seconds=seconds)
        finally:
            server.stop()


def _simulate(
    server: Server, folder: Path, *, jobs: int, nodes: int, clients: int, seconds: float | None
) -> SimulatedRun:
    client, watch = server.client, _Stopwatch()
    with watch.time("create"):
        workflow_id = _create(client, jobs)
    with watch.time("initialize"):
        client.initialize_jobs(workflow_id)
    requirements = client.resource_requirements.list_all(workflow_id=workflow_id)
    stated_s = {each.id: parse_duration(each.runtime) for each in requirements}
    needs = {each.id: (each.num_cpus, parse_memory(each.memory) / (1 << 30)) for each in requirements}
    cluster, log = SimulatedCluster(nodes=nodes), RequestLog()

    def make_runner(allocation: SimulatedAllocation, now_s: float) -> SimulatedRunner:
        return SimulatedRunner(workflow_id, allocation, now_s, log, stated_s, needs)

    simulation = Simulation(cluster, make_runner, server.connect, log, clients)
    allocations = Allocations(scheduler=cluster, planner=_SimulatedPlanner(cluster, watch))
    wall_s, cpu_s, rounds = 0.0, 0.0, 0
    is_whole = True
    while is_whole and client.workflow_status(workflow_id).jobs_by_status[JobStatus.READY]:
        with watch.time("submit"):
            allocations.submit(client, workflow_id, output_dir=folder)
        begin, used_s = time.perf_counter(), server.cpu_s()
        is_whole = simulation.run(until=None if seconds is None else begin + seconds)
        wall_s, cpu_s, rounds = wall_s + time.perf_counter() - begin, cpu_s + server.cpu_s() - used_s, rounds + 1
    completed = _check(client, workflow_id, jobs if is_whole else None)
    return SimulatedRun(
        nodes=nodes,
        jobs=jobs,
        allocations=len(cluster.allocations),
        rounds=rounds,
        create_s=watch.taken_s["create"],
        initialize_s=watch.taken_s["initialize"],
        read_s=watch.taken_s["read"],
        plan_s=watch.taken_s["plan"],
        submit_s=watch.taken_s["submit"] - watch.taken_s["read"] - watch.taken_s["plan"],
        completed=completed,
        requests=log.total,
        wall_s=wall_s,
        simulated_s=simulation.now_s,
        needed_per_s=simulation.busiest_minute / 60,
        claims_ms=log.claims_ms,
        server_mb=server.rss_mb(),
        server_cpu_s=cpu_s,
    )


class _Stopwatch:
    """Sums up the seconds of each of several things."""

    def __init__(self) -> None:
        self.taken_s: Counter[str] = Counter()

    @contextmanager
    def time(self, what: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.taken_s[what] += time.perf_counter() - begin


def _create(client: TorcClient, jobs: int) -> int:
    """Create the workflow in requests of bounded size. About one of a hundred jobs waits for a hundred others."""
    draft = WorkflowDraft(
        workflow=WorkflowModel(name="simulated", user="benchmark"),
        resource_requirements=list(_KINDS),
        slurm_schedulers=[SlurmSchedulerDraft(name="any", account="bench", nodes=1, walltime="04:00:00")],
        jobs=[JobDraft(name="first", command="true", resource_requirements=0)],
    )
    created = client.create_from_draft(draft)
    workflow_id = created.workflow.id or 0
    ids = {each.name: each.id for each in client.resource_requirements.list_all(workflow_id=workflow_id)}
    kinds = [ids[each.name] for each in _KINDS]
    left = jobs - 1
    while left > 0:
        merges = min(left, _BATCH) // (_MERGED + 1)
        records = [
            _job(workflow_id, f"job_{left - number}", kinds[_SHARES[number % 10]])
            for number in range(min(left, _BATCH) - merges)
        ]
        made = [job.id or 0 for job in client.create_jobs(records)]
        client.create_jobs(
            [
                _job(workflow_id, f"merge_{left}_{number}", kinds[0], made[number * _MERGED : (number + 1) * _MERGED])
                for number in range(merges)
            ]
        )
        left -= len(records) + merges
    return workflow_id


def _job(workflow_id: int, name: str, requirement: int | None, depends_on: list[int] | None = None) -> JobModel:
    return JobModel(
        workflow_id=workflow_id,
        name=name,
        command="true",
        resource_requirements_id=requirement,
        depends_on_job_ids=depends_on,
    )


class _SimulatedPlanner:
    """Plans all ready jobs of the workflow for the simulated cluster."""

    def __init__(self, cluster: SimulatedCluster, watch: _Stopwatch) -> None:
        self._cluster = cluster
        self._watch = watch

    def __call__(
        self, client: TorcClient, workflow_id: int, job_ids: Collection[int], output_dir: Path
    ) -> list[PlannedAllocation]:
        with self._watch.time("read"):
            jobs = ready_jobs(client, workflow_id, job_ids)
        with self._watch.time("plan"):
            plan = plan_allocations(jobs, self._cluster.partitions(), PlanOptions(account="bench"))
        scheduler = client.slurm_schedulers.list_all(workflow_id=workflow_id)[0]
        return [
            PlannedAllocation(
                request=AllocationRequest(
                    key="",
                    script=output_dir / "none.sh",
                    options=(f"--nodes={group.nodes}", f"--time={group.walltime_minutes}", f"--array={array}"),
                ),
                scheduler_config_id=scheduler.id or 0,
                job_count=count_array_tasks(array),
                array=array,
            )
            for group in plan.groups
            for array in group.arrays
        ]


def _check(client: TorcClient, workflow_id: int, jobs: int | None) -> int:
    """Return how many jobs completed. Exits where these are not all of the run, or not all have their result."""
    completed = client.workflow_status(workflow_id).jobs_by_status[JobStatus.COMPLETED]
    results = client.results.page(workflow_id=workflow_id, limit=1).total_count
    if completed != results or jobs not in {completed, None}:
        raise SystemExit(f"{completed} of {jobs} jobs completed, with {results} results")
    return completed


_HEADER = (
    "nodes",
    "jobs",
    "allocations",
    "read s",
    "plan s",
    "submit s",
    "simulated h",
    "requests",
    "server CPU ms each",
    "answered/s",
    "needed/s",
    "claim p50 ms",
    "p99 ms",
    "server peak MB",
)


def _row(run: SimulatedRun) -> tuple[str, ...]:
    quantiles = statistics.quantiles(run.claims_ms, n=100)
    return (
        f"{run.nodes}",
        f"{run.jobs}",
        f"{run.allocations}",
        f"{run.read_s:.2f}",
        f"{run.plan_s:.2f}",
        f"{run.submit_s:.2f}",
        f"{run.simulated_s / 3600:.1f}",
        f"{run.requests}",
        f"{run.server_cpu_s / run.requests * 1000:.2f}",
        f"{run.requests / run.wall_s:.0f}",
        f"{run.needed_per_s:.1f}",
        f"{quantiles[49]:.1f}",
        f"{quantiles[98]:.1f}",
        f"{run.server_mb:.0f}",
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=4000)
    arguments.add_argument("--nodes", type=int, default=40)
    arguments.add_argument("--clients", type=int, default=4, help="connections that send the runners' requests")
    arguments.add_argument("--plan-jobs", type=int, default=_FULL_JOBS, help="for the planner alone; 0 leaves it out")
    arguments.add_argument("--full", action="store_true", help=f"{_FULL_NODES} nodes and {_FULL_JOBS} jobs")
    arguments.add_argument("--seconds", type=float, default=300.0, help="how long all nodes work with --full")
    options = arguments.parse_args()
    if options.full:
        _print_full(options)
        return
    if options.plan_jobs:
        seconds, allocations = measure_planner(options.plan_jobs)
        print(f"The planner alone: {options.plan_jobs} jobs in {allocations} allocations, {seconds:.2f} s")
    rows = []
    for part in (10, 3, 1):
        run = measure(jobs=max(options.jobs // part, 1), nodes=max(options.nodes // part, 1), clients=options.clients)
        rows.append(_row(run))
    print_table(f"Nodes of {NODE_CPUS} CPUs, {options.clients} connections ({machine()})", _HEADER, rows)


def _print_full(options: argparse.Namespace) -> None:
    run = measure(jobs=_FULL_JOBS, nodes=_FULL_NODES, clients=options.clients, seconds=options.seconds)
    print(
        f"{run.jobs} jobs created in {run.create_s:.1f} s and initialized in {run.initialize_s:.1f} s; "
        f"{run.completed} completed in {run.wall_s:.0f} s of the run"
    )
    print_table(f"Nodes of {NODE_CPUS} CPUs, {options.clients} connections ({machine()})", _HEADER, [_row(run)])


if __name__ == "__main__":
    main()
