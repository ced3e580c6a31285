"""What tests of every package share."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from torc_client.credentials import Credentials
from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core import API_PREFIX
from torc_core.api.drafts import JobDraft, ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.jobs import JobCompletion
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel
from torc_core.credentials import token_beside
from torc_core.jobs.status import JobStatus

T = TypeVar("T")

_PAUSE_S = 0.01
_SERVER = (sys.executable, "-m", "torc_server.main", "run")


def wait_until(predicate: Callable[[], T], description: str, *, timeout_s: float = 60.0) -> T:
    """The first true value of `predicate`; fails with the description when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout_s} s still not: {description}")
        time.sleep(_PAUSE_S)
    return value


@dataclass
class ServerProcess:
    """A real `torc-server` on loopback over its own database file."""

    database: Path
    arguments: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def start(self) -> Self:
        """Returns when it listens; the port stays the same over restarts."""
        self.log_path = self.database.with_suffix(".server.log")
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*_SERVER, "--port", str(self.port), "--database", str(self.database), *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **self.environment},
            )
        self.port = self._announced_port()
        return self

    def _announced_port(self) -> int:
        line = self.stdout.readline()
        name, _, port = line.strip().partition("=")
        assert name == "TORC_SERVER_PORT", f"the server printed {line!r} first; its log:\n{self.log()}"
        return int(port)

    @property
    def stdout(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def root_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What a client is given: the address with the base path."""
        return f"{self.root_url}{API_PREFIX}"

    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def token(self) -> str:
        """What the server made for its user."""
        return token_beside(self.database).read_text().strip()

    @property
    def headers(self) -> dict[str, str]:
        """What a request without the client needs."""
        return {"Authorization": f"Bearer {self.token}"}

    def client(self, *, patience_s: float = 0.0) -> TorcClient:
        return TorcClient(self.transport(patience_s=patience_s))

    def transport(self, *, patience_s: float = 0.0) -> Transport:
        return Transport(self.url, credentials=Credentials(token=self.token), patience_s=patience_s)

    def stop(self, *, timeout_s: float = 10.0) -> int:
        """SIGTERM, then the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self._reap(timeout_s)

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.process.send_signal(signal.SIGKILL)
        self._reap(10.0)

    def _reap(self, timeout_s: float) -> int:
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.stdout.close()
        return code


def make_workflow(
    client: TorcClient, *jobs: JobDraft, initialize: bool = True, use_pending_failed: bool | None = None
) -> tuple[int, list[int]]:
    """A workflow of these jobs with one CPU and little memory each: its id and the ids of the jobs."""
    draft = WorkflowDraft(
        workflow=WorkflowModel(name="test", user="tester", use_pending_failed=use_pending_failed),
        resource_requirements=[ResourceRequirementsDraft(name="default", memory="1m", runtime="PT1M")],
        jobs=list(jobs),
    )
    created = client.create_from_draft(draft)
    workflow_id = created.workflow.id
    assert workflow_id is not None
    if initialize:
        client.initialize_jobs(workflow_id)
    first = created.first_job_id or 0
    return workflow_id, list(range(first, first + created.job_count))


def make_runner(client: TorcClient, workflow_id: int, *, num_cpus: int = 4, **fields: Any) -> int:
    """A compute node of the workflow that stands for this test: its id."""
    node = ComputeNodeModel(
        workflow_id=workflow_id,
        hostname="localhost",
        pid=os.getpid(),
        start_time="2026-01-01T00:00:00Z",
        num_cpus=num_cpus,
        num_gpus=0,
        num_nodes=1,
        memory_gb=64,
        compute_node_type="local",
        **fields,
    )
    node_id = client.compute_nodes.create(node).id
    assert node_id is not None
    return node_id


def ended(
    job_id: int, *, workflow_id: int, runner_id: int, status: JobStatus = JobStatus.COMPLETED, run_id: int = 1
) -> JobCompletion:
    """The end of the present attempt of a job, after one second."""
    result = ResultModel(
        job_id=job_id,
        workflow_id=workflow_id,
        run_id=run_id,
        compute_node_id=runner_id,
        return_code=0 if status is JobStatus.COMPLETED else 1,
        exec_time_minutes=1 / 60,
        completion_time="2026-01-01T00:00:01Z",
        status=status,
    )
    return JobCompletion(job_id=job_id, status=status, run_id=run_id, result=result)
