"""What tests of the runner share: workflows in one line, and runners in processes of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import ServerProcess, wait_until

from runner.base.progress import Progress
from runner.base.settings import RunnerOptions
from runner.main import run_workflow
from runner.summary import RunSummary
from torc_client.http import TorcClient
from torc_core.api.drafts import FailureHandlerDraft, JobDraft, ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.jobs import JobModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel

_RUNNER = """
import json, sys
from pathlib import Path
from runner.main import run_workflow
from runner.base.settings import RunnerOptions
from torc_client.connect import connect
from torc_client.settings import ClientSettings
url, workflow_id, output_dir, options = sys.argv[1:]
options = RunnerOptions(output_dir=Path(output_dir), **json.loads(options))
summary = run_workflow(connect(ClientSettings(url=url)), int(workflow_id), options,
                       progress=lambda event: print(event, file=sys.stderr, flush=True))
print(json.dumps({"reason": summary.reason, "explanation": str(summary.explanation), "started": summary.started,
                  "terminated": summary.terminated, "completed": summary.completed}))
"""


def create(
    client: TorcClient,
    *jobs: JobDraft | str,
    rules: Sequence[Mapping[str, Any]] = (),
    needs: Sequence[ResourceRequirementsDraft] = (),
    draft: Mapping[str, Any] | None = None,
    **workflow: Any,
) -> int:
    """A workflow ready to run; a text is a job `job1`, `job2`, … with this command. `rules` are handler 0."""
    drafts = [
        job if isinstance(job, JobDraft) else JobDraft(name=f"job{number}", command=job)
        for number, job in enumerate(jobs, start=1)
    ]
    handlers = [FailureHandlerDraft.model_validate({"name": "handler", "rules": list(rules)})] if rules else []
    created = client.create_from_draft(
        WorkflowDraft(
            workflow=WorkflowModel(name="tested", user="tester", **workflow),
            jobs=drafts,
            failure_handlers=handlers,
            resource_requirements=list(needs),
            **(draft or {}),
        )
    )
    workflow_id = created.workflow.id
    assert workflow_id is not None
    client.initialize_jobs(workflow_id)
    return workflow_id


def job(name: str, command: str, **fields: Any) -> JobDraft:
    return JobDraft(name=name, command=command, **fields)


@dataclass
class Ran:
    """A finished run, and what the server knows of it."""

    client: TorcClient
    workflow_id: int
    summary: RunSummary
    output_dir: Path
    events: list[Progress]

    def jobs(self) -> dict[str, JobModel]:
        return {job.name: job for job in self.client.jobs.list_all(workflow_id=self.workflow_id)}

    def statuses(self) -> dict[str, str]:
        return {name: str(job.status) for name, job in self.jobs().items()}

    def results(self, name: str) -> list[ResultModel]:
        return self.client.results.list_all(
            workflow_id=self.workflow_id, job_id=self.jobs()[name].id, all_runs=True, sort_by="attempt_id"
        )

    def log(self, name: str, ending: str = "o", *, attempt: int = 1) -> str:
        job_id = self.jobs()[name].id
        stem = f"job_wf{self.workflow_id}_j{job_id}_r{self.summary.run_id}_a{attempt}"
        return (self.output_dir / "job_stdio" / f"{stem}{'_' if ending == 'recovery.log' else '.'}{ending}").read_text()


def run(client: TorcClient, workflow_id: int, folder: Path, **options: Any) -> Ran:
    """Runs the workflow in this process, with 4 CPUs and 8 GB unless stated otherwise."""
    events: list[Progress] = []
    chosen: dict[str, Any] = {"num_cpus": 4, "memory_gb": 8, "poll_interval_s": 2.0} | options
    summary = run_workflow(client, workflow_id, RunnerOptions(output_dir=folder, **chosen), progress=events.append)
    return Ran(client, workflow_id, summary, folder, events)


@pytest.fixture
def start_runner(server: ServerProcess) -> Iterator["StartRunner"]:
    """Starts runners in processes of their own; what still runs at the end of the test is killed."""
    started: list[RunnerProcess] = []

    def start(workflow_id: int, folder: Path, **options: Any) -> RunnerProcess:
        started.append(RunnerProcess(server, workflow_id, folder, **options))
        return started[-1]

    yield start
    for runner in started:
        if runner.process.poll() is None:
            runner.kill()


class RunnerProcess:
    """A runner in a process of its own, to be killed or interrupted."""

    def __init__(self, server: ServerProcess, workflow_id: int, folder: Path, **options: Any) -> None:
        self.errors = folder / f"runner{workflow_id}.err"
        folder.mkdir(parents=True, exist_ok=True)
        chosen: dict[str, Any] = {"num_cpus": 4, "memory_gb": 8, "poll_interval_s": 2.0} | options
        with self.errors.open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _RUNNER, server.url, str(workflow_id), str(folder), json.dumps(chosen)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=Path.cwd(),
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
                start_new_session=True,
            )

    def summary(self, *, timeout_s: float = 60.0) -> dict[str, Any]:
        """Waits for its end."""
        output, _ = self.process.communicate(timeout=timeout_s)
        assert self.process.returncode == 0, self.errors.read_text()
        found: dict[str, Any] = json.loads(output)
        return found

    def signal(self, signum: int) -> None:
        self.process.send_signal(signum)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def until_running(client: TorcClient, workflow_id: int, number: int = 1) -> None:
    """Until so many jobs run, as the server knows."""
    wait_until(
        lambda: len(client.jobs.list_all(workflow_id=workflow_id, status="running")) >= number,
        f"{number} jobs of workflow {workflow_id} are running",
    )


def is_alive(pid: int) -> bool:
    """False for a process that is gone or only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes_with(word: str) -> list[int]:
    """Ids of living processes whose environment holds the word."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            holds = word.encode() in (entry / "environ").read_bytes()
        except OSError:
            continue
        if holds and is_alive(int(entry.name)):
            found.append(int(entry.name))
    return found


StartRunner = Callable[..., RunnerProcess]
