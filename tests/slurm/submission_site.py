"""What tests of submissions share: the real `torc` on the test cluster, and how a workflow stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from allocation_site import AllocationSite
from slurm_cluster import TestCluster
from slurm_daemons import await_that
from torc_process import Torc

from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.jobs.status import SUCCESSFUL

ROUND_S = 180.0


@dataclass(frozen=True)
class SubmissionSite:
    """The terminal of a user on the cluster's login node."""

    site: AllocationSite
    torc: Torc

    @classmethod
    def at(cls, site: AllocationSite, **environment: str) -> "SubmissionSite":
        own = {**site.cluster.environment, "TORC_API_TOKEN": site.server.token, **environment}
        own |= {"HOME": str(site.folder)}
        return cls(site, Torc(site.folder, url=site.server.url, environment=own))

    @property
    def cluster(self) -> TestCluster:
        return self.site.cluster

    @property
    def output(self) -> Path:
        return self.site.folder / "output"

    def file(self, **body: Any) -> Path:
        """A workflow file of these keys."""
        path = self.site.folder / "workflow.yaml"
        path.write_text(yaml.safe_dump({"name": "submitted", **body}))
        return path

    def records(self, workflow_id: int) -> list[ScheduledComputeNodeModel]:
        return self.site.client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)

    def statuses(self, workflow_id: int) -> list[str]:
        return [record.status for record in self.records(workflow_id)]

    def keys(self, workflow_id: int) -> list[str]:
        """The names at the scheduler of everything that was ever submitted for the workflow, one for each task."""
        lines = self.cluster.call("squeue", "-h", "-r", "-t", "all", "-o", "%j").splitlines()
        return [line for line in lines if line.startswith(f"torc-wf{workflow_id}-")]

    def await_success(self, workflow_id: int) -> None:
        def is_done() -> bool:
            status = self.site.client.workflow_status(workflow_id)
            return status.jobs_by_status.total(SUCCESSFUL) == status.total_jobs

        self.await_that(is_done, workflow_id, f"workflow {workflow_id} succeeds")

    def await_that(self, condition: Callable[[], bool], workflow_id: int, what: str) -> None:
        try:
            await_that(condition, what, timeout_s=ROUND_S)
        except TimeoutError as error:
            error.add_note(self.report_of(workflow_id))
            raise

    def report_of(self, workflow_id: int) -> str:
        """Everything that helps to see why a workflow did not go on."""
        queue = self.cluster.call("squeue", "-r", "-t", "all", "-o", "%i %T %r %j")
        texts = [path.read_text() for path in sorted(self.output.glob(f"slurm_output_wf{workflow_id}_*"))]
        return "\n".join([queue, str(self.records(workflow_id)), *texts])


def jobs(count: int, requirement: str, command: str = "true", **more: Any) -> Mapping[str, Any]:
    """An entry of `jobs` for so many jobs."""
    return {
        "name": f"{requirement}_{{i}}",
        "command": command,
        "parameters": {"i": f"1:{count}"},
        "resource_requirements": requirement,
        **more,
    }


def requirement(
    name: str, *, cpus: int = 4, memory: str = "100m", runtime: str = "PT1M", **more: Any
) -> dict[str, Any]:
    return {"name": name, "num_cpus": cpus, "memory": memory, "runtime": runtime, **more}


def scheduler(name: str = "s", **more: Any) -> dict[str, Any]:
    return {"name": name, "account": "proj", "walltime": "00:10:00", "mem": "500m", "ntasks_per_node": 1, **more}


def action(trigger: str = "on_workflow_start", *, of: str = "s", count: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "trigger_type": trigger,
        "action_type": "schedule_nodes",
        "scheduler": of,
        "scheduler_type": "slurm",
        "num_allocations": count,
        **more,
    }
