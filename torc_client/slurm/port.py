"""The scheduler that gives a workflow its nodes, as recovery sees it."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from torc_client.http import TorcClient
from torc_core.api.jobs import JobModel
from torc_core.evidence.attempt import PartitionLimits


class Scheduler(Protocol):
    """What recovery asks of a scheduler. `serves` says whether the workflow gets its nodes from it at all."""

    def serves(self, client: TorcClient, workflow_id: int) -> bool: ...

    def ended_jobs(self, client: TorcClient, workflow_id: int) -> Collection[int]:
        """The scheduler's ids of the workflow's allocations that are surely neither queued nor running."""
        ...

    def limits(self, client: TorcClient, jobs: Sequence[JobModel]) -> Sequence[PartitionLimits]:
        """The most each job can get where it may run, in the order of `jobs`."""
        ...

    def plan(self, client: TorcClient, workflow_id: int, job_ids: Collection[int]) -> int:
        """How many allocations `submit` would ask for if these jobs were ready too. Changes nothing."""
        ...

    def submit(self, client: TorcClient, workflow_id: int, *, output_dir: Path) -> Sequence[int]:
        """Asks for nodes for what is ready: the number of jobs of each new allocation."""
        ...


class NoScheduler:
    """Workflows whose nodes are the machines where somebody starts `torc run`."""

    def serves(self, client: TorcClient, workflow_id: int) -> bool:
        del client, workflow_id
        return False

    def ended_jobs(self, client: TorcClient, workflow_id: int) -> Collection[int]:
        del client, workflow_id
        return ()

    def limits(self, client: TorcClient, jobs: Sequence[JobModel]) -> Sequence[PartitionLimits]:
        del client
        return [PartitionLimits()] * len(jobs)

    def plan(self, client: TorcClient, workflow_id: int, job_ids: Collection[int]) -> int:
        del client, workflow_id, job_ids
        return 0

    def submit(self, client: TorcClient, workflow_id: int, *, output_dir: Path) -> Sequence[int]:
        del client, workflow_id, output_dir
        return ()
