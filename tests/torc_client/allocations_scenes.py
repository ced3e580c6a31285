"""A scheduler in memory, for what only depends on the protocol."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torc_client.http import TorcClient
from torc_client.recovery.allocations import PlannedAllocation
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.errors import SchedulerError
from torc_core.slurm.allocation import AccountingRecord, AllocationRequest, AllocationStatus, Partition, Phase


@dataclass
class SchedulerInMemory:
    """Allocations are queued until `phases` says otherwise; without an entry the queue does not know them."""

    phases: dict[int, Phase] = field(default_factory=dict)
    known_partitions: Sequence[Partition] = ()
    submitted: list[AllocationRequest] = field(default_factory=list)
    refusal: SchedulerError | None = None
    accepts_all_the_same: bool = False
    accounted: dict[int, AccountingRecord] = field(default_factory=dict)
    asked_accounting: list[Collection[int]] = field(default_factory=list)

    cluster: str = "here"
    starts: dict[int, str] = field(default_factory=dict)
    stuck: dict[int, str] = field(default_factory=dict)

    def name(self) -> str:
        return self.cluster

    def submit(self, request: AllocationRequest) -> int:
        if self.refusal is not None and not self.accepts_all_the_same:
            raise self.refusal
        self.submitted.append(request)
        if self.refusal is not None:
            raise self.refusal
        return len(self.submitted)

    def find(self, key: str) -> int | None:
        keys = [request.key for request in self.submitted]
        return keys.index(key) + 1 if key in keys else None

    def status(self, scheduler_ids: Collection[int]) -> Mapping[int, AllocationStatus]:
        return {
            each: AllocationStatus(
                scheduler_id=each,
                name="",
                state=str(self.phases[each]),
                phase=self.phases[each],
                start_time=self.starts.get(each),
                reason=self.stuck.get(each),
                will_not_start=each in self.stuck,
                why_never="it waits for ever" if each in self.stuck else None,
            )
            for each in scheduler_ids
            if each in self.phases
        }

    def queue(self, scheduler_ids: Collection[int]) -> Sequence[AllocationStatus]:
        return list(self.status(scheduler_ids).values())

    def cancel(self, scheduler_ids: Collection[int]) -> None:
        for each in scheduler_ids:
            self.phases[each] = Phase.ENDED

    def accounting(self, scheduler_ids: Collection[int]) -> Mapping[int, AccountingRecord]:
        self.asked_accounting.append(scheduler_ids)
        return {each: self.accounted[each] for each in scheduler_ids if each in self.accounted}

    def partitions(self) -> Sequence[Partition]:
        return self.known_partitions


def plan_one(client: TorcClient, workflow_id: int, job_ids: Collection[int], folder: Path) -> list[PlannedAllocation]:
    """One allocation for everything."""
    request = AllocationRequest(key=f"wf{workflow_id}", script=folder / "allocation.sh")
    return [PlannedAllocation(request=request, scheduler_config_id=987654, job_count=1)]


def give_scheduler(client: TorcClient, workflow_id: int, *, partition: str | None = None) -> int:
    """Make the workflow one that gets its nodes from a scheduler; the id of the record."""
    record = SlurmSchedulerModel(
        workflow_id=workflow_id, name="s", account="a", nodes=1, walltime="01:00:00", partition=partition
    )
    return client.slurm_schedulers.create(record).id or 0
