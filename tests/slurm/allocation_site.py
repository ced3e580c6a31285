"""What tests of runners in allocations share: batch scripts that start one, and how they ended."""

import os
import signal
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from helpers import ServerProcess
from running import processes_with
from slurm_cluster import TestCluster
from slurm_daemons import await_that

from torc_client.http import TorcClient
from torc_core.api.jobs import JobModel
from torc_core.api.nodes import ComputeNodeModel, ScheduledComputeNodeModel
from torc_core.api.results import ResultModel

ENDED = frozenset({"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"})
RUNNER = Path(sys.executable).parent / "torc-slurm-job-runner"


@dataclass
class AllocationSite:
    """A cluster, a server, and a folder for scripts and results."""

    cluster: TestCluster
    server: ServerProcess
    client: TorcClient
    folder: Path

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def runner(self, workflow_id: int, *options: str) -> str:
        return " ".join([str(RUNNER), self.server.url, str(workflow_id), str(self.output), "-p", "1", *options])

    def submit(self, line: str, *options: str, workflow_id: int | None = None) -> int:
        """Submit a script of this line; with `workflow_id` the server gets a record of it."""
        self.output.mkdir(exist_ok=True)
        script = self.folder / "allocation.sh"
        script.write_text(f"#!/bin/bash\n{line}\n")
        environment = {"TORC_API_TOKEN": self.server.token, "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}
        exports = ",".join(["ALL", *(f"{name}={value}" for name, value in environment.items())])
        output = f"--output={self.output}/slurm_%j.out"
        words = ("sbatch", "--parsable", "--time=10", output, f"--export={exports}", *options, str(script))
        scheduler_id = int(self.cluster.call(*words))
        if workflow_id is not None:
            self.record(workflow_id, scheduler_id)
        return scheduler_id

    def record(self, workflow_id: int, scheduler_id: int, *, status: str = "pending") -> ScheduledComputeNodeModel:
        return self.client.scheduled_compute_nodes.create(
            ScheduledComputeNodeModel(
                workflow_id=workflow_id,
                scheduler_id=scheduler_id,
                scheduler_config_id=987654,
                scheduler_type="slurm",
                status=status,
            )
        )

    def state(self, scheduler_id: int) -> str:
        return self.cluster.call("squeue", "-h", "-t", "all", f"--jobs={scheduler_id}", "-o", "%T").strip()

    def await_end(self, scheduler_id: int, *, timeout_s: float = 90.0) -> str:
        """The state in which the allocation ended."""

        def has_ended() -> bool:
            return self.state(scheduler_id) in ENDED

        try:
            await_that(has_ended, f"allocation {scheduler_id} has ended", timeout_s=timeout_s)
        except TimeoutError as error:
            error.add_note(self.printed(scheduler_id))
            raise
        return self.state(scheduler_id)

    def printed(self, scheduler_id: int) -> str:
        """What script and runner printed."""
        path = self.output / f"slurm_{scheduler_id}.out"
        return path.read_text() if path.exists() else ""

    def await_job(self, workflow_id: int, name: str, statuses: Collection[str] = ("running",)) -> None:
        def has_status() -> bool:
            return self.jobs(workflow_id)[name].status in statuses

        await_that(has_status, f"job {name} is {' or '.join(statuses)}")

    def jobs(self, workflow_id: int) -> dict[str, JobModel]:
        return {job.name: job for job in self.client.jobs.list_all(workflow_id=workflow_id)}

    def statuses(self, workflow_id: int) -> dict[str, str]:
        return {name: str(job.status) for name, job in self.jobs(workflow_id).items()}

    def results(self, workflow_id: int) -> list[ResultModel]:
        return self.client.results.list_all(workflow_id=workflow_id, all_runs=True)

    def runners(self, workflow_id: int) -> list[ComputeNodeModel]:
        return self.client.compute_nodes.list_all(workflow_id=workflow_id)

    def record_status(self, workflow_id: int, scheduler_id: int) -> str:
        [record] = self.client.scheduled_compute_nodes.list_all(workflow_id=workflow_id, scheduler_id=scheduler_id)
        return record.status

    def kill_runners(self) -> None:
        """Kill -9 of all runners: nothing is reported, and their allocations end."""
        for pid in processes_with(self.server.url):
            if RUNNER.name in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)

    def await_file(self, name: str) -> None:
        await_that((self.folder / name).exists, f"{name} is there")

    def await_that(self, condition: Callable[[], bool], what: str, *, timeout_s: float = 90.0) -> None:
        await_that(condition, what, timeout_s=timeout_s)
