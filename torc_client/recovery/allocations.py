"""The allocations of workflows: what the server has recorded of them, joined with what the scheduler says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from torc_client.http import TorcClient
from torc_client.slurm.cluster import find_cluster
from torc_client.slurm.ends import QueueLook, look_at_queue
from torc_client.slurm.port import Scheduler
from torc_core.api.actions import SCHEDULE_NODES, WorkflowActionModel
from torc_core.api.jobs import JobModel
from torc_core.api.nodes import ComputeNodeModel, ScheduledComputeNodeModel
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import (
    AlreadyTakenError,
    InvalidInputError,
    NotFoundError,
    SchedulerError,
    SchedulerUnreachableError,
)
from torc_core.evidence.attempt import PartitionLimits
from torc_core.recovery.orphans import allocation_of, started_at
from torc_core.slurm.allocation import AllocationEnd, AllocationRequest, Partition
from torc_core.slurm.environment import registered_cluster
from torc_core.slurm.plan import NewAmounts
from torc_core.slurm.quantities import count_array_tasks
from torc_core.slurm.script import BatchScript

SUBMITTING: Final = "submitting"
"""Status of an intent: an allocation that is about to be submitted, or whose submission was never answered."""
SCHEDULER_TYPE: Final = "slurm"
_BEFORE_JOBS: Final = ("on_workflow_start", "on_jobs_ready")
"""Triggers of actions that ask for the nodes of jobs."""
_NO_ID_YET: Final = 0
OPEN_STATUSES: Final = ("pending", "active")
"""Statuses of a recorded allocation that, as far as the server knows, has not ended."""


@dataclass(frozen=True, kw_only=True)
class PlannedAllocation:
    """One submission: a script that exists, or one that is written when it is submitted; its key is set then.

    `scheduler` is the scheduler record to create first; None: `scheduler_config_id` is that of an existing one. With an
    `array` these are several allocations, for `job_count` jobs together. `submission` is unique within the workflow:
    the same one is never submitted twice. `prepare` writes what the script needs beside itself.
    """

    request: AllocationRequest | BatchScript
    scheduler_config_id: int = 0
    scheduler: SlurmSchedulerModel | None = None
    job_count: int
    array: str | None = None
    submission: str | None = None
    prepare: Callable[[], None] | None = None
    gate: tuple[int, ...] = ()
    """Jobs that wait for others: the allocations are asked for by an action, once all of these are ready."""
    max_at_once: int | None = None
    notes: tuple[str, ...] = ()
    """What to say about the plan, on the first of its submissions."""

    @property
    def allocation_count(self) -> int:
        return 1 if self.array is None else count_array_tasks(self.array)

    @property
    def jobs_of_each(self) -> list[int]:
        """Return how many jobs each allocation is for: they are spread evenly."""
        least, more = divmod(self.job_count, self.allocation_count)
        return [least + (number < more) for number in range(self.allocation_count)]


Planner = Callable[[TorcClient, int, Mapping[int, NewAmounts], Path], Sequence[PlannedAllocation]]
"""Returns the allocations that a workflow's jobs need, and these jobs if they were retried. Submits nothing."""


@dataclass(frozen=True, kw_only=True)
class Allocations:
    """Without a scheduler, nodes are the machines where somebody starts `torc run`."""

    scheduler: Scheduler | None = None
    planner: Planner | None = None
    retry_planner: Planner | None = None
    """Plans for retried jobs alone, where the others have their allocations; None: `planner` does."""
    partition: str | None = None
    """The partition that all new allocations are asked of; None: what the workflow names, or any."""

    def serves(self, client: TorcClient, workflow_id: int) -> bool:
        """Return whether the workflow gets its nodes from the scheduler, so that a recovery submits allocations."""
        if self.scheduler is None or self.planner is None:
            return False
        return client.slurm_schedulers.page(workflow_id=workflow_id, limit=1).total_count > 0

    def ended(
        self, client: TorcClient, workflow_id: int, *, silent_s: float | None = None
    ) -> Mapping[int, AllocationEnd]:
        """Return the ends of the workflow's allocations that are surely over, as `look` does."""
        return self.look(client, workflow_id, silent_s=silent_s).ends

    def look(self, client: TorcClient, workflow_id: int, *, silent_s: float | None = None) -> QueueLook:
        """Return which of the workflow's allocations are surely over, and which will not start by themselves.

        Only allocations of this scheduler's own cluster are asked about: another one knows their ids as nothing, or as
        others. With `silent_s`, only those whose runner sent no heartbeat for so long; the queue is not asked if all
        runners are heard of.
        """
        if self.scheduler is None:
            return QueueLook()
        if silent_s is None:
            settle_intents(client, workflow_id, self.scheduler)
        recorded = open_allocations(client, workflow_id) if silent_s is None else []
        runners = [
            runner
            for runner in client.compute_nodes.list_all(workflow_id=workflow_id, is_active=True)
            if allocation_of(runner) is not None and (silent_s is None or (runner.heartbeat_age_s or 0) > silent_s)
        ]
        if not recorded and not runners:
            return QueueLook()
        cluster = self.scheduler.name()
        begun = _first_starts(runner for runner in runners if registered_cluster(runner.scheduler) == cluster)
        ids = {allocation.scheduler_id for allocation in recorded if allocation.cluster == cluster} | begun.keys()
        look = look_at_queue(self.scheduler, sorted(ids), begun=begun) if ids else QueueLook()
        ends = {each: replace(end, cluster=cluster) for each, end in sorted(look.ends.items())}
        return replace(look, ends=ends)

    def limits(self, client: TorcClient, jobs: Sequence[JobModel]) -> Sequence[PartitionLimits]:
        """Return the most that each job can get where it may run, in the order of `jobs`.

        Allocations are planned anew for what is retried, so this is what the widest partition has, or the one that the
        workflow names for all its jobs.
        """
        if self.scheduler is None or not jobs:
            return [PartitionLimits()] * len(jobs)
        workflow_id = jobs[0].workflow_id
        if client.slurm_schedulers.page(workflow_id=workflow_id, limit=1).total_count == 0:
            return [PartitionLimits()] * len(jobs)
        named = self.partition or (client.workflows.get(workflow_id).slurm_defaults or {}).get("partition")
        return [_widest(self.scheduler.partitions(), named)] * len(jobs)

    def plan(
        self, client: TorcClient, workflow_id: int, retries: Mapping[int, NewAmounts]
    ) -> Sequence[PlannedAllocation]:
        """Return what `submit` would ask for if these jobs were retried. Changes nothing.

        Raises InvalidInputError that names what fits no partition.
        """
        return () if self.planner is None else self.planner(client, workflow_id, retries, Path())

    def submit(
        self,
        client: TorcClient,
        workflow_id: int,
        *,
        output_dir: Path,
        only_retried: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> Sequence[int]:
        """Submit allocations for what is ready, and leave actions that ask for those of later stages.

        Return the number of jobs of each allocation that was submitted. `only_retried`: the other jobs have
        allocations. Raises SchedulerError when the scheduler refuses one; those before it are submitted.
        """
        planner = self.retry_planner if only_retried and self.retry_planner is not None else self.planner
        if self.scheduler is None or planner is None:
            return ()
        settle_intents(client, workflow_id, self.scheduler)
        planned = planner(client, workflow_id, {}, output_dir)
        if say is not None:
            for note in (note for each in planned for note in each.notes):
                say(note)
        workflow = client.workflows.get(workflow_id)
        if planned and planner is self.planner:
            # Before anything is submitted: what is left is planned for here, and must not be asked for twice.
            _retire_actions(client, workflow_id, planned)
        for allocation in with_scheduler_records(client, workflow_id, planned):
            if allocation.gate:
                _defer(client, workflow_id, allocation)
            else:
                submit_planned(client, workflow, allocation, self.scheduler)
        return [jobs for allocation in planned if not allocation.gate for jobs in allocation.jobs_of_each]


def _retire_actions(client: TorcClient, workflow_id: int, planned: Sequence[PlannedAllocation]) -> None:
    """Mark the actions as executed that would ask for allocations of jobs that this plan is for.

    Plans without later stages are for ready jobs alone: the actions of those that wait stay as they are.
    """
    gated = {job_id for each in planned for job_id in each.gate}
    for action in client.actions(workflow_id):
        if action.action_type != SCHEDULE_NODES or action.executed or action.trigger_type not in _BEFORE_JOBS:
            continue
        if gated.issuperset(action.job_ids or ()) or action.state == "pending":
            with suppress(AlreadyTakenError):
                client.claim_action(workflow_id, action.id or 0, compute_node_id=None)


def _defer(client: TorcClient, workflow_id: int, planned: PlannedAllocation) -> None:
    """Leave an action that asks for the allocations once their jobs are ready; a later plan replaces it."""
    at_once = {} if planned.max_at_once is None else {"max_at_once": planned.max_at_once}
    client.create_action(
        workflow_id,
        WorkflowActionModel(
            workflow_id=workflow_id,
            trigger_type="on_jobs_ready",
            action_type=SCHEDULE_NODES,
            action_config={
                "scheduler_type": SCHEDULER_TYPE,
                "scheduler_id": planned.scheduler_config_id,
                "num_allocations": planned.allocation_count,
                **at_once,
            },
            job_ids=list(planned.gate),
            is_recovery=True,
        ),
    )


def with_scheduler_records(
    client: TorcClient, workflow_id: int, planned: Sequence[PlannedAllocation]
) -> list[PlannedAllocation]:
    """Return the submissions with the ids of their scheduler records, which are created where there are none yet."""
    records = client.slurm_schedulers.list_all(workflow_id=workflow_id) if planned else []
    ids = {_plain(record): record.id or 0 for record in records}
    found: list[PlannedAllocation] = []
    for each in planned:
        config_id = each.scheduler_config_id
        if each.scheduler is not None:
            plain = _plain(each.scheduler)
            if plain not in ids:
                record = each.scheduler.model_copy(update={"workflow_id": workflow_id, "id": None})
                ids[plain] = client.slurm_schedulers.create(record).id or 0
            config_id = ids[plain]
        found.append(replace(each, scheduler_config_id=config_id, scheduler=None))
    return found


def submit_planned(
    client: TorcClient, workflow: WorkflowModel, planned: PlannedAllocation, scheduler: Scheduler
) -> ScheduledComputeNodeModel:
    """Submit once and return the record. Raises SchedulerError when the scheduler refuses it: nothing is left then."""
    # The intent is stored first: a process that dies between submission and record leaves a key to look up.
    intent = client.scheduled_compute_nodes.create(
        ScheduledComputeNodeModel(
            workflow_id=workflow.id or 0,
            scheduler_id=_NO_ID_YET,
            scheduler_config_id=planned.scheduler_config_id,
            scheduler_type=SCHEDULER_TYPE,
            status=SUBMITTING,
            cluster=scheduler.name(),
            array=planned.array,
            submission=planned.submission,
        )
    )
    if intent.status != SUBMITTING:
        return intent
    key = allocation_key(workflow, intent)
    try:
        scheduler_id = scheduler.submit(_request(planned, key))
    except SchedulerUnreachableError:
        raise  # it may have been accepted, and the intent says under which key
    except (SchedulerError, InvalidInputError, OSError):
        client.scheduled_compute_nodes.delete(intent.id or 0)
        raise
    return record_submission(client, intent, scheduler_id)


def _request(planned: PlannedAllocation, key: str) -> AllocationRequest:
    """Return the request under its key; a script that does not exist yet is written beside the logs."""
    if planned.prepare is not None:
        planned.prepare()
    if isinstance(planned.request, AllocationRequest):
        return replace(planned.request, key=key)
    batch = planned.request
    batch.output_dir.mkdir(parents=True, exist_ok=True)
    script = batch.output_dir / batch.file_name(key)
    script.write_text(batch.render(key), encoding="utf-8")
    script.chmod(0o755)
    return AllocationRequest(key=key, script=script)


def _plain(record: SlurmSchedulerModel) -> str:
    """Return everything that a scheduler record says, but for its id."""
    return record.model_dump_json(exclude={"id", "workflow_id"})


def settle_intents(client: TorcClient, workflow_id: int, scheduler: Scheduler) -> None:
    """Record the allocations that an earlier process submitted and could not record; drop intents of no submission."""
    intents = client.scheduled_compute_nodes.list_all(workflow_id=workflow_id, status=SUBMITTING)
    # Another cluster does not know them, which says nothing about whether they were submitted.
    intents = [intent for intent in intents if intent.cluster in (None, scheduler.name())]
    workflow = client.workflows.get(workflow_id) if intents else None
    for intent in intents:
        is_missing = workflow is not None and record_found(client, workflow, intent, scheduler) is None
        # If its process still lives and submits after all, it stores its record anew. One with a name stays: whoever
        # carries out its action again finds by it what that process may have submitted since.
        if is_missing and intent.submission is None:
            client.scheduled_compute_nodes.delete(intent.id or 0)


def record_found(
    client: TorcClient, workflow: WorkflowModel, intent: ScheduledComputeNodeModel, scheduler: Scheduler
) -> ScheduledComputeNodeModel | None:
    """Record what was submitted for the intent and return its record; None where the scheduler has nothing of it."""
    scheduler_id = scheduler.find(allocation_key(workflow, intent))
    return None if scheduler_id is None else record_submission(client, intent, scheduler_id)


def allocation_key(workflow: WorkflowModel, intent: ScheduledComputeNodeModel) -> str:
    """Return the name of an allocation at the scheduler, which serves workflows of other Torc servers, too."""
    return f"torc-wf{workflow.id}-{intent.id}-{_origin(workflow)}"


def bears_key(name: str, workflow: WorkflowModel) -> bool:
    """Return whether an allocation of this name at the scheduler was submitted for the workflow by this server."""
    number = name.removeprefix(f"torc-wf{workflow.id}-").removesuffix(f"-{_origin(workflow)}")
    return name == f"torc-wf{workflow.id}-{number}-{_origin(workflow)}" and number.isdigit()


def _origin(workflow: WorkflowModel) -> str:
    origin = "|".join((workflow.timestamp or "", workflow.user, workflow.name))
    return sha256(origin.encode()).hexdigest()[:8]


def record_submission(
    client: TorcClient, intent: ScheduledComputeNodeModel, scheduler_id: int
) -> ScheduledComputeNodeModel:
    """Store the scheduler's id of an intent; one that was dropped meanwhile is stored anew."""
    record = intent.model_copy(update={"scheduler_id": scheduler_id, "status": "pending"})
    try:
        return client.scheduled_compute_nodes.update(intent.id or 0, record)
    except NotFoundError:
        # the allocation may have begun and stored its record itself
        known = client.scheduled_compute_nodes.list_all(workflow_id=intent.workflow_id, scheduler_id=scheduler_id)
        same = [each for each in known if each.cluster == intent.cluster and each.array_record_id is None]
        return same[0] if same else client.scheduled_compute_nodes.create(record.model_copy(update={"id": None}))


def open_allocations(client: TorcClient, workflow_id: int) -> list[ScheduledComputeNodeModel]:
    """Return the recorded allocations of the workflow that have not ended as far as the server knows."""
    return [
        allocation
        for status in OPEN_STATUSES
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


def _widest(partitions: Sequence[Partition], named: object) -> PartitionLimits:
    """Return the most of the named partition, or of those that need not be named; None: no limit is known."""
    found = [each for each in partitions if each.name == named] or [
        each for each in partitions if each.is_up and not each.is_explicit
    ]
    memory = [each.memory_bytes_per_node for each in found]
    runtime = [each.max_time_s for each in found]
    return PartitionLimits(
        memory_bytes=None if None in memory else max((each for each in memory if each is not None), default=None),
        runtime_s=None if None in runtime else max((each for each in runtime if each is not None), default=None),
    )
