"""The allocation that the runner works in: when it ends, its record at the server, and others that nobody needs."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from runner.base.deadline import AllocationTimes, Deadline
from runner.base.settings import RunnerOptions
from runner.process.steps import Steps, step_options
from torc_client.http import TorcClient
from torc_client.recovery.own_allocation import begin_own_allocation
from torc_client.slurm.cluster import SlurmCluster
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import RunnerError, SchedulerError, TorcError
from torc_core.jobs.status import ACTIVE, JobStatus
from torc_core.slurm.environment import AllocationShare

TRIES: Final = 3
"""How often a controller that is away is asked: the jobs wait for it meanwhile."""


@dataclass
class OwnAllocation:
    """The allocation of this runner. `warn` takes what goes wrong with its records, which stops no job."""

    share: AllocationShare
    workflow_id: int
    _: KW_ONLY
    warn: Callable[[str], None]
    scheduler: SlurmCluster | None = None
    record: ScheduledComputeNodeModel | None = field(default=None, init=False)

    def times(self) -> AllocationTimes:
        """Return when it began and ends. Older releases tell it only when asked; the queue's word stands otherwise."""
        start_at, end_at = self.share.start_at, self.share.end_at
        if self.scheduler is None:
            self._warn_without(end_at, "squeue is not on PATH")
            return AllocationTimes(start_at=start_at, end_at=end_at)
        kill_wait_s: float | None = None
        try:
            if end_at is None:
                status = self.scheduler.status([self.share.scheduler_id]).get(self.share.scheduler_id)
                if status is not None:
                    start_at, end_at = _local(status.start_time), _local(status.end_time)
            kill_wait_s = self.scheduler.kill_wait_s()
        except SchedulerError as error:
            self._warn_without(end_at, error.message)
        return AllocationTimes(start_at=start_at, end_at=end_at, kill_wait_s=kill_wait_s)

    def bind(self, client: TorcClient, env: Mapping[str, str]) -> None:
        """Find the server's record of the allocation and mark it active.

        An allocation that nobody recorded, such as one where a person typed `torc run`, has none.
        """
        try:
            self.record = begin_own_allocation(client, self.workflow_id, env)
        except TorcError as error:
            self.warn(f"the record of allocation {self.share.scheduler_id} was not updated: {error.message}")

    def finish(self, client: TorcClient) -> None:
        """Mark the record complete: the runner of the head node leaves."""
        record = self.record
        if record is None or not self.share.is_head:
            return
        try:
            self._store(client, record, "complete")
        except TorcError as error:
            self.warn(f"allocation {self.share.scheduler_id} was not marked complete: {error.message}")

    def cancel_unneeded(self, client: TorcClient) -> list[int]:
        """Cancel the allocations of the workflow that wait in the queue although it needs no more; return their ids.

        Only those that the server has recorded for this workflow. One that starts just now is left alone: its runner
        finds nothing to do and leaves by itself.
        """
        if self.scheduler is None or not self.share.is_head:
            return []
        try:
            counts = client.workflow_status(self.workflow_id).jobs_by_status
            if counts[JobStatus.READY] or counts.total(ACTIVE):
                return []
            records = client.scheduled_compute_nodes.list_all(workflow_id=self.workflow_id, status="pending")
            # the ids of another cluster's allocations are those of others here
            own = [record for record in records if record.cluster in (None, self.share.cluster)]
            waiting = {record.scheduler_id: record for record in own if record.scheduler_id > 0}
            waiting.pop(self.share.scheduler_id, None)
            if not waiting:
                return []
            canceled = self.scheduler.cancel_queued(waiting)
            for scheduler_id in canceled:
                self._store(client, waiting[scheduler_id], "canceled")
        except TorcError as error:
            self.warn(f"allocations that are still queued were not canceled: {error.message}")
            return []
        return canceled

    def _store(self, client: TorcClient, record: ScheduledComputeNodeModel, status: str) -> ScheduledComputeNodeModel:
        return client.scheduled_compute_nodes.update(record.id or 0, record.model_copy(update={"status": status}))

    def _warn_without(self, end_at: datetime | None, reason: str) -> None:
        if end_at is None:
            self.warn(
                f"the end of allocation {self.share.scheduler_id} is unknown ({reason}): jobs may be started that "
                "do not end in time; give the runner a --time-limit"
            )


def steps_of(
    workflow: WorkflowModel,
    allocation: OwnAllocation | None,
    deadline: Deadline,
    *,
    has_gpus: bool,
    log: Callable[[str], None],
) -> Steps | None:
    """Return what makes steps of jobs; None where the runner starts them itself. `log` is called by threads.

    Raises RunnerError where the workflow wants steps and there can be none.
    """
    config = workflow.execution_config
    mode = (config and config.mode) or "direct"
    if mode == "direct":
        return None
    problem: str | None = None
    if allocation is None:
        problem = "and this is no node of an allocation"
    elif allocation.share.step is not None:
        # srun within a step would wait for the resources that the runner's own step holds
        problem = "and this runner is itself a step, which holds what they need"
    elif allocation.scheduler is None or shutil.which("srun") is None:
        problem = "and srun is not on PATH"
    else:
        return Steps(
            allocation.share.scheduler_id,
            allocation.scheduler,
            options=step_options(config),
            end_at=deadline.end_at,
            has_gpus=has_gpus,
            log=log,
        )
    if mode == "auto":
        return None
    raise RunnerError(
        f"workflow {workflow.id} starts its jobs with srun (execution_config.mode is slurm), {problem}",
        hint="start the runner with exec in a batch script, or use the mode auto",
    )


def registered_options(
    options: RunnerOptions, allocation: OwnAllocation | None, times: AllocationTimes | None
) -> RunnerOptions:
    """Return the options with what the allocation adds to the runner's record."""
    if allocation is None:
        return options
    limits_s = [] if options.time_limit_s is None else [options.time_limit_s]
    if times is not None and times.end_at is not None:
        limits_s.append(max(0.0, float(int((times.end_at - datetime.now(UTC)).total_seconds()))))
    config_id = None if allocation.record is None else allocation.record.scheduler_config_id
    return replace(
        options,
        node_type="slurm",
        time_limit_s=min(limits_s, default=None),
        node_facts=allocation.share.as_facts() | dict(options.node_facts),
        scheduler_config_id=options.scheduler_config_id or config_id,
    )


def _local(text: str | None) -> datetime | None:
    """Return a moment that Slurm's programs print in this machine's local time."""
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None
