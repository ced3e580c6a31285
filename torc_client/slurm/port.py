"""The protocol of a scheduler: the only way to submit allocations and to learn how they stand."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from torc_core.slurm.allocation import AccountingRecord, AllocationRequest, AllocationStatus, Partition


class Scheduler(Protocol):
    """Every method may raise SchedulerError, SchedulerUnreachableError where trying again later may help."""

    def name(self) -> str:
        """Return the name of the cluster: an id of another cluster means another allocation, or none, here."""
        ...

    def submit(self, request: AllocationRequest) -> int:
        """Submit a script once, also where the scheduler's answer is lost; return the scheduler's id."""
        ...

    def find(self, key: str) -> int | None:
        """Return the id of the allocation that was submitted under the key, None where there is none."""
        ...

    def status(self, scheduler_ids: Collection[int]) -> Mapping[int, AllocationStatus]:
        """Return what the queue says of these allocations, in one call. One that it does not know has surely ended."""
        ...

    def queue(self, scheduler_ids: Collection[int]) -> Sequence[AllocationStatus]:
        """Return the rows of the queue for these allocations, in one call: an array has one for each of its tasks."""
        ...

    def cancel(self, scheduler_ids: Collection[int]) -> None:
        """End these allocations, queued or running. Those that have ended are no error."""
        ...

    def accounting(self, scheduler_ids: Collection[int]) -> Mapping[int, AccountingRecord]:
        """Return what was accounted. Empty without accounting, and a requeued allocation may seem ended here."""
        ...

    def partitions(self) -> Sequence[Partition]:
        """Return all partitions, the default one first."""
        ...
