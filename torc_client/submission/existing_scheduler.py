"""Plans allocations of a scheduler that the workflow has, as a person chose it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torc_client.http import TorcClient
from torc_client.recovery.allocations import PlannedAllocation
from torc_client.submission.batch import BatchScripts
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.slurm.plan import NewAmounts


@dataclass(frozen=True, kw_only=True)
class ExistingScheduler:
    """So many allocations of the scheduler, whatever the jobs need; `walltime` asks for another one than its own."""

    scheduler: SlurmSchedulerModel
    environment: Mapping[str, str]
    job_count: int
    count: int = 1
    walltime: str | None = None

    def __call__(
        self, client: TorcClient, workflow_id: int, retries: Mapping[int, NewAmounts], output_dir: Path
    ) -> list[PlannedAllocation]:
        """Return the one submission. Submits nothing."""
        del retries  # a person chose how many allocations there are
        scheduler = self.scheduler
        if self.walltime is not None and self.walltime != scheduler.walltime:
            name = f"{scheduler.name or 'scheduler'}_recovery"
            scheduler = scheduler.model_copy(update={"name": name, "walltime": self.walltime})
        workflow = client.workflows.get(workflow_id)
        scripts = BatchScripts(client=client, workflow=workflow, output_dir=output_dir, environment=self.environment)
        array = f"0-{self.count - 1}" if self.count > 1 else None
        return [
            PlannedAllocation(
                request=scripts.script(scheduler, array=array, starts=self.count),
                scheduler=scheduler,
                job_count=self.job_count,
                array=array,
                prepare=scripts.prepare,
            )
        ]
