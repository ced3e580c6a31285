"""Orphans: which runners are gone, and which jobs and allocations they left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from torc_core.api.jobs import JobModel
from torc_core.api.nodes import ComputeNodeModel, ScheduledComputeNodeModel
from torc_core.evidence.record import SchedulerFacts
from torc_core.jobs.lifecycle import may_go_back
from torc_core.jobs.status import JobStatus
from torc_core.processes import DeadRunner, HostFacts, ProcessIdentity, process_tag
from torc_core.slurm.allocation import AllocationEnd
from torc_core.slurm.environment import registered_allocation, registered_cluster

NOBODY_HOLDS_IT: Final = "no runner holds the claim"
HEARTBEAT_TIMEOUT_S: Final = 300.0
"""Silence after which a runner counts as lost. It sends a heartbeat every 30 seconds, so several must be missing."""


@dataclass(frozen=True, kw_only=True)
class LostRunner:
    """`dead` is set where it ran on this machine: some of what it started may still be about to end."""

    compute_node_id: int
    reason: str
    allocation_id: int | None = None
    dead: DeadRunner | None = None
    end: AllocationEnd | None = None
    """The end of its allocation, where that is why it is lost."""

    @property
    def scheduler_facts(self) -> SchedulerFacts | None:
        """Return what the scheduler says of the allocation's end; None where it was not asked."""
        if self.end is None:
            return None
        return SchedulerFacts(
            type="slurm",
            job_id=str(self.end.scheduler_id),
            state=self.end.state,
            reason=self.reason,
            exit_code=self.end.exit_code,
        )


@dataclass(frozen=True, kw_only=True)
class OrphanedJob:
    """A job whose runner is gone, or that has none.

    `started`: its process was started; `within_bound`: it was lost so seldom that it may be requeued by itself.
    """

    job_id: int
    job_name: str
    started: bool
    within_bound: bool
    reason: str
    allocation_id: int | None = None
    scheduler: SchedulerFacts | None = None
    """The end of its allocation in the scheduler's words, where that is why it is an orphan."""
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OrphanPlan:
    """The plan of a reclaim; `out_of_sight` counts active runners that cannot be seen from this machine."""

    workflow_id: int
    runners: tuple[LostRunner, ...] = ()
    jobs: tuple[OrphanedJob, ...] = ()
    claims_of_nobody: tuple[int, ...] = ()
    pending_allocations: tuple[ScheduledComputeNodeModel, ...] = ()
    active_allocations: tuple[ScheduledComputeNodeModel, ...] = ()
    out_of_sight: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.runners or self.claims_of_nobody or self.pending_allocations or self.active_allocations)


def plan_orphans(
    workflow_id: int,
    *,
    nodes: Sequence[ComputeNodeModel],
    jobs: Sequence[JobModel],
    host: HostFacts,
    processes: Mapping[int, ProcessIdentity | None],
    allocations: Sequence[ScheduledComputeNodeModel] = (),
    ended_allocations: Mapping[int, AllocationEnd] | None = None,
    heartbeat_timeout_s: float | None = HEARTBEAT_TIMEOUT_S,
) -> OrphanPlan:
    """Plan which runners, jobs and allocations are to be reclaimed, from facts alone.

    `nodes` are the active runners and those that hold one of `jobs` (the pending and running ones);
    `processes` what this machine shows under the pids of the nodes that bear its name; `ended_allocations` the
    ends of allocations, by the scheduler's ids, that are surely over. A runner out of sight of this machine is lost
    when it was silent for longer than `heartbeat_timeout_s`; None leaves such runners alone.
    """
    ended = ended_allocations or {}
    over = [each for each in allocations if _is_over(each, ended)]
    lost: dict[int, LostRunner] = {}
    alive = out_of_sight = 0
    for node in nodes:
        if node.id is None:
            continue
        process = processes.get(node.pid)
        end = _end_of(node, ended)
        reason = _allocation_ended(end) if end is not None else _why_lost(node, host=host, process=process)
        if reason is None and heartbeat_timeout_s is not None and not _is_in_sight(node, host):
            reason = _why_silent(node, heartbeat_timeout_s)
        if reason is not None:
            lost[node.id] = LostRunner(
                compute_node_id=node.id,
                reason=reason,
                allocation_id=allocation_of(node),
                dead=dead_runner(node, host=host, process=process),
                end=end,
            )
        else:
            alive += 1
            out_of_sight += not _is_in_sight(node, host) and node.heartbeat_age_s is None
    return OrphanPlan(
        workflow_id=workflow_id,
        runners=tuple(lost.values()),
        jobs=tuple(_orphaned(jobs, lost=lost, nobody_is_there=alive == 0)),
        claims_of_nobody=tuple(job.id for job in jobs if job.id and _is_unheld_claim(job)) if alive == 0 else (),
        pending_allocations=tuple(each for each in over if each.status == "pending"),
        active_allocations=tuple(each for each in over if each.status == "active"),
        out_of_sight=out_of_sight,
    )


def dead_runner(node: ComputeNodeModel, *, host: HostFacts, process: ProcessIdentity | None) -> DeadRunner | None:
    """Return the runner if this machine shows that it is gone; `process` is the one that has its pid now."""
    if not _is_in_sight(node, host) or _is_alive(node, process):
        return None
    facts = _registered(node)
    pid, start_ticks = facts.get("launcher_pid"), facts.get("launcher_start_time")
    return DeadRunner(
        tag=process_tag(node.pid, facts.get("pid_start_time")),
        launcher_pid=pid if isinstance(pid, int) else None,
        launcher_start_ticks=start_ticks if isinstance(start_ticks, int) else None,
    )


def _orphaned(jobs: Sequence[JobModel], *, lost: Mapping[int, LostRunner], nobody_is_there: bool) -> list[OrphanedJob]:
    found: list[OrphanedJob] = []
    for job in jobs:
        runner = lost.get(job.compute_node_id) if job.compute_node_id is not None else None
        unheld = nobody_is_there and _is_unheld_claim(job)
        if job.id is None or not (runner or unheld):
            continue
        found.append(
            OrphanedJob(
                job_id=job.id,
                job_name=job.name,
                started=job.status is JobStatus.RUNNING,
                within_bound=may_go_back(job.infrastructure_faults or 0),
                reason=runner.reason if runner else NOBODY_HOLDS_IT,
                allocation_id=runner.allocation_id if runner else None,
                scheduler=runner.scheduler_facts if runner else None,
                ended_at=runner.end.ended_at if runner and runner.end else None,
            )
        )
    return found


def _end_of(node: ComputeNodeModel, ended: Mapping[int, AllocationEnd]) -> AllocationEnd | None:
    """Return the end of the runner's allocation; one that runs again ended for the runners of its earlier life."""
    end = ended.get(allocation_of(node) or 0)
    if end is None or registered_cluster(node.scheduler) != end.cluster:
        return None
    return end if end.again_from is None or started_at(node) < end.again_from else None


def _is_over(allocation: ScheduledComputeNodeModel, ended: Mapping[int, AllocationEnd]) -> bool:
    end = ended.get(allocation.scheduler_id)
    if end is None or end.runs_again or allocation.cluster != end.cluster:
        return False
    # An array's id is that of its last task, too: its record stays open while other tasks wait or run.
    return allocation.array is None or not end.array_lives


def _allocation_ended(end: AllocationEnd) -> str:
    if end.runs_again:
        return f"its allocation {end.scheduler_id} was sent back to the queue"
    words = [word for word in (end.state, end.reason) if word]
    return f"its allocation {end.scheduler_id} has ended{': ' if words else ''}{', '.join(words)}"


def _why_lost(node: ComputeNodeModel, *, host: HostFacts, process: ProcessIdentity | None) -> str | None:
    """Return why the runner is lost; None while it lives, or while nobody here can know."""
    if node.is_active is False:
        return f"its runner on {node.hostname} ended without giving it back"
    facts = _registered(node)
    if node.hostname == host.hostname and facts.get("boot_id", host.boot_id) != host.boot_id:
        # Heard of since this machine started: another machine that bears the same name.
        return f"the machine {node.hostname} was restarted" if _last_seen(node) < host.booted_at else None
    if _is_in_sight(node, host) and not _is_alive(node, process):
        return f"its runner process on {node.hostname} is gone"
    return None


def _why_silent(node: ComputeNodeModel, timeout_s: float) -> str | None:
    """Return why a runner counts as silent; None for one that never sent a heartbeat: older runners send none."""
    is_silent = node.heartbeat_age_s is not None and node.heartbeat_age_s > timeout_s
    return f"its runner on {node.hostname} sent no heartbeat since {node.last_heartbeat}" if is_silent else None


def _is_unheld_claim(job: JobModel) -> bool:
    return job.status is JobStatus.PENDING and job.compute_node_id is None


def _is_in_sight(node: ComputeNodeModel, host: HostFacts) -> bool:
    facts = _registered(node)
    here = node.hostname == host.hostname and facts.get("boot_id") == host.boot_id
    return here and facts.get("pid_namespace", host.pid_namespace) == host.pid_namespace


def _is_alive(node: ComputeNodeModel, process: ProcessIdentity | None) -> bool:
    return process is not None and process.start_ticks == _registered(node).get("pid_start_time")


def _registered(node: ComputeNodeModel) -> dict[str, Any]:
    return node.scheduler if isinstance(node.scheduler, dict) else {}


def allocation_of(node: ComputeNodeModel) -> int | None:
    """Return the scheduler's id of the allocation that the runner works in; None outside of one."""
    value = registered_allocation(node.scheduler)
    return int(value) if value is not None and value.isascii() and value.isdigit() else None


def started_at(node: ComputeNodeModel) -> datetime:
    """Return when the runner began, by its own clock."""
    return _aware(node.start_time)


def _last_seen(node: ComputeNodeModel) -> datetime:
    return _aware(node.last_heartbeat or node.start_time)


def _aware(text: str) -> datetime:
    seen = datetime.fromisoformat(text)
    return seen if seen.tzinfo else seen.replace(tzinfo=UTC)
