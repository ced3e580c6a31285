"""Large workflows: creation, initialization, claims and a barrier's release, and the cost per job as they grow.

    python -m benchmarks.scale [--jobs 100000]

A parameterised workflow of three stages, N/2 jobs, one barrier, N/2 jobs, goes through a real server on loopback.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import machine, print_table
from torc_client.credentials import Credentials, token_of_database
from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core import API_PREFIX
from torc_core.api.drafts import WorkflowDraft
from torc_core.api.jobs import ComputeNodesResources, JobCompletion, StartJobsRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.jobs.status import JobStatus
from torc_core.spec.build import read_workflow

_SPEC = """
name: barrier_{half}
jobs:
  - name: first_{{i}}
    command: 'true'
    parameters: {{i: '1:{half}'}}
  - name: barrier
    command: 'true'
    depends_on_regexes: ['^first_']
  - name: second_{{i}}
    command: 'true'
    depends_on: [barrier]
    parameters: {{i: '1:{half}'}}
"""
_BATCH = 500


@dataclass
class Figures:
    jobs: int
    expand_s: float
    create_s: float
    initialize_s: float
    claim_p50_ms: float
    claim_p99_ms: float
    first_stage_s: float
    release_s: float
    server_rss_mb: float


class Server:
    """A torc-server process with a database of its own."""

    def __init__(self, folder: Path, *, module: str = "torc_server.main") -> None:
        with (folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    module,
                    "run",
                    "--port",
                    "0",
                    "--database",
                    str(folder / "scale.db"),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        port = self.process.stdout.readline().strip().removeprefix("TORC_SERVER_PORT=")
        self._url = f"http://127.0.0.1:{port}{API_PREFIX}"
        self._credentials = Credentials(token=token_of_database(folder / "scale.db"))
        self.client = self.connect()

    def connect(self) -> TorcClient:
        """Return a client with connections of its own."""
        return TorcClient(Transport(self._url, credentials=self._credentials, timeout_s=600))

    def rss_mb(self) -> float:
        """Return the high-water mark of the server's resident memory, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def cpu_s(self) -> float:
        """Return the CPU time that the server has used, in seconds."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


def measure(jobs: int) -> Figures:
    half = jobs // 2
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        draft, _ = read_workflow(_SPEC.format(half=half), file_name="scale.yaml", user="benchmark")
        expand_s = time.perf_counter() - begin
        server = Server(Path(folder))
        try:
            return _drive(server, draft_jobs=jobs, draft=draft, expand_s=expand_s, half=half)
        finally:
            server.stop()


def _drive(server: Server, *, draft_jobs: int, draft: WorkflowDraft, expand_s: float, half: int) -> Figures:
    client = server.client
    begin = time.perf_counter()
    workflow = client.create_from_draft(draft).workflow.id
    create_s = time.perf_counter() - begin
    begin = time.perf_counter()
    client.initialize_jobs(workflow)
    initialize_s = time.perf_counter() - begin
    node = client.compute_nodes.create(
        ComputeNodeModel(
            workflow_id=workflow,
            hostname="benchmark",
            pid=os.getpid(),
            start_time="2026-01-01T00:00:00Z",
            num_cpus=_BATCH,
            num_gpus=0,
            num_nodes=1,
            memory_gb=1000,
            compute_node_type="local",
            is_active=True,
        )
    ).id
    claims_ms: list[float] = []
    begin = time.perf_counter()
    done = 0
    while done < half:
        done += _round(client, workflow, node, claims_ms)
    first_stage_s = time.perf_counter() - begin
    begin = time.perf_counter()
    if _round(client, workflow, node, []) != 1:
        raise SystemExit("the barrier was not the only ready job")
    release_s = time.perf_counter() - begin
    if client.workflow_status(workflow).jobs_by_status[JobStatus.READY] != half:
        raise SystemExit("the barrier did not release the second stage")
    p99 = statistics.quantiles(claims_ms, n=100)[98] if len(claims_ms) > 1 else claims_ms[0]
    return Figures(
        draft_jobs,
        expand_s,
        create_s,
        initialize_s,
        statistics.median(claims_ms),
        p99,
        first_stage_s,
        release_s,
        server.rss_mb(),
    )


def _round(client: TorcClient, workflow: int, node: int, claims_ms: list[float]) -> int:
    """Claim, start and complete five times 100 jobs; return how many there were."""
    jobs = []
    for _ in range(_BATCH // 100):
        begin = time.perf_counter()
        claimed = client.claim_jobs(
            workflow, ComputeNodesResources(id=node, num_cpus=100, memory_gb=1000), limit=100
        ).jobs
        if len(claimed) == 100:
            claims_ms.append((time.perf_counter() - begin) * 1000)
        jobs.extend(claimed)
    ids = [job.id for job in jobs]
    client.start_jobs(workflow, StartJobsRequest(run_id=1, compute_node_id=node, job_ids=ids))
    client.complete_jobs(
        workflow,
        [
            JobCompletion(
                job_id=job_id,
                status=JobStatus.COMPLETED,
                run_id=1,
                result=ResultModel(
                    job_id=job_id,
                    workflow_id=workflow,
                    run_id=1,
                    attempt_id=1,
                    compute_node_id=node,
                    return_code=0,
                    exec_time_minutes=0.0,
                    completion_time="2026-01-01T00:00:00Z",
                    status=JobStatus.COMPLETED,
                ),
            )
            for job_id in ids
        ],
    )
    return len(ids)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=100_000)
    options = arguments.parse_args()
    sizes = sorted({1000, 10_000, options.jobs})
    rows = []
    for size in sizes:
        f = measure(size)
        rows.append(
            (
                f"{f.jobs}",
                f"{f.expand_s:.2f}",
                f"{f.create_s:.2f}",
                f"{f.initialize_s:.2f}",
                f"{f.claim_p50_ms:.1f}",
                f"{f.claim_p99_ms:.1f}",
                f"{f.first_stage_s / (f.jobs // 2) * 1e6:.0f}",
                f"{f.release_s:.2f}",
                f"{f.server_rss_mb:.0f}",
            )
        )
    print_table(
        f"N/2 jobs, a barrier, N/2 jobs ({machine()})",
        (
            "jobs",
            "expand s",
            "create s",
            "initialize s",
            "claim 100 p50 ms",
            "p99 ms",
            "µs per job claimed to completed",
            "barrier s",
            "server peak MB",
        ),
        rows,
    )


if __name__ == "__main__":
    main()
