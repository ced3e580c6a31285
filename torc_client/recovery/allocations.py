"""The allocations of workflows: what the server has recorded of them, joined with what the scheduler says."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from torc_client.http import TorcClient
from torc_client.slurm.cluster import find_cluster
from torc_client.slurm.ends import find_ends
from torc_client.slurm.port import Scheduler
from torc_core.api.jobs import JobModel
from torc_core.api.nodes import ComputeNodeModel, ScheduledComputeNodeModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import NotFoundError, SchedulerError, SchedulerUnreachableError
from torc_core.evidence.attempt import PartitionLimits
from torc_core.recovery.orphans import allocation_of, started_at
from torc_core.slurm.allocation import AllocationEnd, AllocationRequest, Partition
from torc_core.slurm.environment import registered_cluster

SUBMITTING: Final = "submitting"
"""Status of an intent: an allocation that is about to be submitted, or whose submission was never answered."""
_NO_ID_YET: Final = 0
_OPEN: Final = ("pending", "active")
"""Statuses of a recorded allocation that, as far as the server knows, has not ended."""


@dataclass(frozen=True, kw_only=True)
class PlannedAllocation:
    """A request, the scheduler record it is made from, and how many jobs it is for. Its key is set when submitted."""

    request: AllocationRequest
    scheduler_config_id: int
    job_count: int


Planner = Callable[[TorcClient, int, Collection[int], Path], Sequence[PlannedAllocation]]
"""Returns the allocations that a workflow's ready jobs need, and these jobs if they were ready too. Submits nothing."""


@dataclass(frozen=True, kw_only=True)
class Allocations:
    """Without a scheduler, nodes are the machines where somebody starts `torc run`."""

    scheduler: Scheduler | None = None
    planner: Planner | None = None
    scheduler_type: str = "slurm"

    def serves(self, client: TorcClient, workflow_id: int) -> bool:
        """Return whether the workflow gets its nodes from the scheduler, so that a recovery submits allocations."""
        if self.scheduler is None or self.planner is None:
            return False
        return client.slurm_schedulers.page(workflow_id=workflow_id, limit=1).total_count > 0

    def ended(
        self, client: TorcClient, workflow_id: int, *, silent_s: float | None = None
    ) -> Mapping[int, AllocationEnd]:
        """Return the ends of the workflow's allocations that are surely over, by the scheduler's ids.

        Only allocations of this scheduler's own cluster are asked about: another one knows their ids as nothing, or as
        others. With `silent_s`, only those whose runner sent no heartbeat for so long; the queue is not asked if all
        runners are heard of.
        """
        if self.scheduler is None:
            return {}
        if silent_s is None:
            settle_intents(client, workflow_id, self.scheduler)
        recorded = open_allocations(client, workflow_id) if silent_s is None else []
        runners = [
            runner
            for runner in client.compute_nodes.list_all(workflow_id=workflow_id, is_active=True)
            if allocation_of(runner) is not None and (silent_s is None or (runner.heartbeat_age_s or 0) > silent_s)
        ]
        if not recorded and not runners:
            return {}
        cluster = self.scheduler.name()
        begun = _first_starts(runner for runner in runners if registered_cluster(runner.scheduler) == cluster)
        ids = {allocation.scheduler_id for allocation in recorded if allocation.cluster == cluster} | begun.keys()
        ends = find_ends(self.scheduler, sorted(ids), begun=begun) if ids else {}
        return {each: replace(end, cluster=cluster) for each, end in sorted(ends.items())}

    def limits(self, client: TorcClient, jobs: Sequence[JobModel]) -> Sequence[PartitionLimits]:
        """Return the most that each job can get where it may run, in the order of `jobs`."""
        records = client.slurm_schedulers.list_all(workflow_id=jobs[0].workflow_id) if self.scheduler and jobs else ()
        if self.scheduler is None or not records:
            return [PartitionLimits()] * len(jobs)
        names = {record.id: record.partition for record in records}
        partitions = self.scheduler.partitions()
        return [_limits(partitions, names.get(job.scheduler_id)) for job in jobs]

    def plan(self, client: TorcClient, workflow_id: int, job_ids: Collection[int]) -> int:
        """Return how many allocations `submit` would ask for if these jobs were ready too. Changes nothing."""
        return 0 if self.planner is None else len(self.planner(client, workflow_id, job_ids, Path()))

    def submit(self, client: TorcClient, workflow_id: int, *, output_dir: Path) -> Sequence[int]:
        """Submit allocations for what is ready; return the number of jobs of each.

        Raises SchedulerError when the scheduler refuses one; those before it are submitted.
        """
        if self.scheduler is None or self.planner is None:
            return ()
        settle_intents(client, workflow_id, self.scheduler)
        planned = self.planner(client, workflow_id, (), output_dir)
        for allocation in planned:
            self._submit(client, workflow_id, allocation, self.scheduler)
        return [allocation.job_count for allocation in planned]

    def _submit(
        self, client: TorcClient, workflow_id: int, planned: PlannedAllocation, scheduler: Scheduler
    ) -> ScheduledComputeNodeModel:
        # The intent is stored first: a process that dies between submission and record leaves a key to look up.
        intent = client.scheduled_compute_nodes.create(
            ScheduledComputeNodeModel(
                workflow_id=workflow_id,
                scheduler_id=_NO_ID_YET,
                scheduler_config_id=planned.scheduler_config_id,
                scheduler_type=self.scheduler_type,
                status=SUBMITTING,
                cluster=scheduler.name(),
            )
        )
        key = allocation_key(client.workflows.get(workflow_id), intent)
        try:
            scheduler_id = scheduler.submit(replace(planned.request, key=key))
        except SchedulerUnreachableError:
            raise  # it may have been accepted, and the intent says under which key
        except SchedulerError:
            client.scheduled_compute_nodes.delete(intent.id or 0)
            raise
        return _record(client, intent, scheduler_id)


def settle_intents(client: TorcClient, workflow_id: int, scheduler: Scheduler) -> None:
    """Record the allocations that an earlier process submitted and could not record; drop intents of no submission."""
    intents = client.scheduled_compute_nodes.list_all(workflow_id=workflow_id, status=SUBMITTING)
    # Another cluster does not know them, which says nothing about whether they were submitted.
    intents = [intent for intent in intents if intent.cluster in (None, scheduler.name())]
    workflow = client.workflows.get(workflow_id) if intents else None
    for intent in intents:
        scheduler_id = scheduler.find(allocation_key(workflow, intent)) if workflow else None
        if scheduler_id is not None:
            _record(client, intent, scheduler_id)
        else:
            # If its process still lives and submits after all, it stores its record anew.
            client.scheduled_compute_nodes.delete(intent.id or 0)


def allocation_key(workflow: WorkflowModel, intent: ScheduledComputeNodeModel) -> str:
    """Return the name of an allocation at the scheduler, which serves workflows of other Torc servers, too."""
    origin = "|".join((workflow.timestamp or "", workflow.user, workflow.name))
    return f"torc-wf{workflow.id}-{intent.id}-{sha256(origin.encode()).hexdigest()[:8]}"


def _record(client: TorcClient, intent: ScheduledComputeNodeModel, scheduler_id: int) -> ScheduledComputeNodeModel:
    record = intent.model_copy(update={"scheduler_id": scheduler_id, "status": "pending"})
    try:
        return client.scheduled_compute_nodes.update(intent.id or 0, record)
    except NotFoundError:
        return client.scheduled_compute_nodes.create(record.model_copy(update={"id": None}))


def open_allocations(client: TorcClient, workflow_id: int) -> list[ScheduledComputeNodeModel]:
    """Return the recorded allocations of the workflow that have not ended as far as the server knows."""
    return [
        allocation
        for status in _OPEN
        for allocation in client.scheduled_compute_nodes.list_all(workflow_id=workflow_id, status=status)
    ]


def find_allocations(environment: Mapping[str, str], *, tries: int | None = None) -> Allocations:
    """Return the allocations of workflows on the cluster of this machine; without one, there is no scheduler."""
    return Allocations(scheduler=find_cluster(environment, tries=tries))


def _first_starts(runners: Iterable[ComputeNodeModel]) -> dict[int, datetime]:
    """Return when the first of the runners in each allocation began."""
    starts: dict[int, datetime] = {}
    for runner in runners:
        allocation_id, begun = allocation_of(runner) or 0, started_at(runner)
        starts[allocation_id] = min(begun, starts.get(allocation_id, begun))
    return starts


def _limits(partitions: Sequence[Partition], name: str | None) -> PartitionLimits:
    """Return the limits of the named partition, of the default one without a name; none where it is not known."""
    found = [each for each in partitions if (each.is_default if name is None else each.name == name)]
    if not found:
        return PartitionLimits()
    return PartitionLimits(memory_bytes=found[0].memory_bytes_per_node, runtime_s=found[0].max_time_s)
