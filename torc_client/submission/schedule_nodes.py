"""Carries out `schedule_nodes` actions: each asks once for the allocations that it names."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torc_client.http import TorcClient
from torc_client.recovery.allocations import (
    OPEN_STATUSES,
    SUBMITTING,
    PlannedAllocation,
    record_found,
    submit_planned,
)
from torc_client.slurm.cluster import SlurmCluster
from torc_client.submission.batch import BatchScripts
from torc_core.api.actions import WorkflowActionModel
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc
from torc_core.slurm.limits import never_starts
from torc_core.slurm.quantities import count_array_tasks


@dataclass(frozen=True, kw_only=True)
class NodeRequest:
    """So many allocations of one scheduler, for one action or one command.

    `name` is unique within the workflow: what it has submitted is not submitted again. None: no earlier try is looked
    for. With `serialize` each allocation waits for the end of the one before it.
    """

    scheduler_id: int
    count: int = 1
    name: str | None = None
    runner_on_each_node: bool = False
    serialize: bool = False
    max_at_once: int | None = None
    max_parallel_jobs: int | None = None


@dataclass(frozen=True, kw_only=True)
class SubmittedNodes:
    """The records of a request, and their scheduler."""

    scheduler: SlurmSchedulerModel
    records: tuple[ScheduledComputeNodeModel, ...]

    @property
    def allocation_count(self) -> int:
        return sum(1 if each.array is None else count_array_tasks(each.array) for each in self.records)


@dataclass(frozen=True, kw_only=True)
class NodeScheduling:
    """Submits the allocations of one workflow. `environment` is that of this process."""

    client: TorcClient
    workflow_id: int
    cluster: SlurmCluster
    output_dir: Path
    environment: Mapping[str, str]
    poll_interval_s: float | None = None

    def carry_out(self, action: WorkflowActionModel, *, is_repeat: bool = False) -> SubmittedNodes:
        """Submit what the action asks for, and what an earlier try at it has not submitted.

        `is_repeat`: who tried before is gone; allocations of its that have ended are not asked for again. Raises
        SchedulerError when Slurm refuses, InvalidInputError for what Slurm would never start.
        """
        run_id = self.client.workflow_status(self.workflow_id).run_id
        return self.submit(request_of(action, run_id=run_id), is_repeat=is_repeat)

    def submit(self, request: NodeRequest, *, is_repeat: bool = False) -> SubmittedNodes:
        """Submit what the request asks for. Raises as `carry_out`."""
        scheduler = self.client.slurm_schedulers.get(request.scheduler_id)
        workflow = self.client.workflows.get(self.workflow_id)
        self.check(scheduler)
        known = self._known()
        name = request.name if request.name is None else _current_name(request.name, known, is_repeat=is_repeat)
        records: list[ScheduledComputeNodeModel] = []
        for planned in self._plan(replace(request, name=name), scheduler, workflow):
            after = records[-1].scheduler_id if records and request.serialize else None
            records.append(self._submit_once(planned(after), known, workflow))
        return SubmittedNodes(scheduler=scheduler, records=tuple(records))

    def check(self, scheduler: SlurmSchedulerModel) -> None:
        """Raise InvalidInputError where Slurm would take an allocation of the scheduler and never start it."""
        reason = never_starts(scheduler, self.cluster.partitions())
        if reason is not None:
            raise InvalidInputError(
                f"allocations of scheduler {scheduler.name} would never start: {reason}",
                hint=Hint(
                    "nothing was submitted; change the scheduler (`{}`), then `{}`",
                    torc("slurm update", scheduler.id or 0),
                    torc("submit", self.workflow_id),
                ),
            )

    def _plan(
        self, request: NodeRequest, scheduler: SlurmSchedulerModel, workflow: WorkflowModel
    ) -> Iterator[Callable[[int | None], PlannedAllocation]]:
        """Yield the submissions, each made from the scheduler's id of the one before it."""
        scripts = BatchScripts(
            client=self.client, workflow=workflow, output_dir=self.output_dir, environment=self.environment
        )
        each_node = scheduler.nodes if request.runner_on_each_node else 1
        size = self.cluster.array_limit() if request.count > 1 else 1
        tasks = [1] * request.count if request.serialize else _parts(request.count, size)

        for number, count in enumerate(tasks):

            def plan(after: int | None, number: int = number, count: int = count) -> PlannedAllocation:
                at_once = request.max_at_once
                cap = f"%{at_once}" if at_once is not None and at_once < count else ""
                array = f"0-{count - 1}{cap}" if count > 1 else None
                return PlannedAllocation(
                    request=scripts.script(
                        scheduler,
                        array=array,
                        # any end of the one before will do: a failed one leaves jobs for the next
                        dependency=None if after is None else f"afterany:{after}",
                        max_parallel_jobs=request.max_parallel_jobs,
                        poll_interval_s=self.poll_interval_s,
                        runner_on_each_node=request.runner_on_each_node,
                        starts=each_node * count,
                    ),
                    scheduler_config_id=scheduler.id or 0,
                    job_count=0,
                    array=array,
                    submission=None if request.name is None else f"{request.name}:{number}",
                    prepare=scripts.prepare,
                )

            yield plan

    def _submit_once(
        self,
        planned: PlannedAllocation,
        known: Mapping[str | None, ScheduledComputeNodeModel],
        workflow: WorkflowModel,
    ) -> ScheduledComputeNodeModel:
        earlier = known.get(planned.submission) if planned.submission is not None else None
        if earlier is not None and earlier.status == SUBMITTING:
            # Slurm may have accepted what its process did not live to record.
            found = record_found(self.client, workflow, earlier, self.cluster)
            if found is not None:
                return found
        if earlier is not None and earlier.status != SUBMITTING:
            return earlier
        return submit_planned(self.client, workflow, planned, self.cluster)

    def _known(self) -> dict[str | None, ScheduledComputeNodeModel]:
        records = self.client.scheduled_compute_nodes.list_all(workflow_id=self.workflow_id)
        return {record.submission: record for record in records if record.submission is not None}


def request_of(action: WorkflowActionModel, *, run_id: int) -> NodeRequest:
    """Return what the action asks for. Raises InvalidInputError for a configuration that names no scheduler."""
    config: dict[str, Any] = action.action_config if isinstance(action.action_config, dict) else {}
    scheduler_id = config.get("scheduler_id")
    if not isinstance(scheduler_id, int) or config.get("scheduler_type") not in (None, "slurm"):
        raise InvalidInputError(f"action {action.id} names no Slurm scheduler: {config}")
    return NodeRequest(
        scheduler_id=scheduler_id,
        count=action.allocation_count,
        name=f"action:{action.id}:run:{run_id}",
        runner_on_each_node=bool(config.get("start_one_worker_per_node")),
        serialize=bool(config.get("serialize_allocations")),
        max_at_once=config.get("max_at_once"),
        max_parallel_jobs=config.get("max_parallel_jobs"),
    )


def _current_name(name: str, known: Mapping[str | None, ScheduledComputeNodeModel], *, is_repeat: bool) -> str:
    """Return the name for this time: a new one where all that was submitted under the last one has ended."""
    by_name: dict[str, list[ScheduledComputeNodeModel]] = {}
    for key, record in known.items():
        by_name.setdefault((key or "").rpartition(":")[0], []).append(record)
    number, last = 1, name
    while (following := f"{name}:again:{number + 1}") in by_name:
        number, last = number + 1, following
    active_arrays = {record.array_record_id for record in known.values() if record.status in OPEN_STATUSES}
    is_over = last in by_name and not any(
        record.status in (*OPEN_STATUSES, SUBMITTING) or record.id in active_arrays for record in by_name[last]
    )
    return f"{name}:again:{number + 1}" if is_over and not is_repeat else last


def _parts(count: int, size: int) -> list[int]:
    return [min(size, count - first) for first in range(0, count, size)]
