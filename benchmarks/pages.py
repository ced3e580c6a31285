"""Pages of a large workflow: the time that the server takes for each, and its size.

    python -m benchmarks.pages [--jobs 100000] [--failures 10000] [--causes 300]

A workflow of a first stage, one barrier and a second stage, of which some jobs failed of different causes, on a real
server on loopback. Each page is asked several times; the first answer is left out.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from benchmarks.common import machine, print_table
from benchmarks.scale import Server
from torc_client.http import TorcClient
from torc_core import API_PREFIX
from torc_core.api.drafts import JobDraft, WorkflowDraft
from torc_core.api.jobs import JobCompletion
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import JobStatus

_TIMES = 5
_BATCH = 2000
_TEXTS = (
    "connect to {}.example port 5432 failed: Connection refused",
    "Traceback (most recent call last):\n  File \"run.py\", line 3\nValueError: unknown model '{}'",
    "the {} is in the seventh house",
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--failures", type=int, default=10_000)
    parser.add_argument("--causes", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            client = server.client
            workflow_id, failed = make(client, jobs=options.jobs, failures=options.failures, causes=options.causes)
            credentials = client.transport.credentials
            headers = {"Authorization": (credentials and credentials.header()) or ""}
            root = client.url.removesuffix(API_PREFIX)
            with httpx.Client(base_url=root, headers=headers, timeout=120, trust_env=False) as http:
                rows = [measure(http, path, server.process.pid) for path in paths(workflow_id, failed)]
        finally:
            server.stop()
    title = f"Pages of {options.jobs} jobs, {options.failures} failures of {options.causes} causes ({machine()})"
    print_table(title, ("page", "wall, ms", "CPU of the server, ms", "first, ms", "size, kB"), rows)


def paths(workflow_id: int, job_id: int) -> list[str]:
    own = f"/workflows/{workflow_id}"
    parts = ("", "/graph", "/jobs", "/jobs?text=99", f"/jobs/{job_id}", "/failures", "/failures?page=3")
    more = ("/failures?status=all", "/proposals", "/decisions", "/decisions?outcome=open", "/runners")
    return ["/", "/settings", *(own + part for part in (*parts, *more))]


def measure(http: httpx.Client, path: str, pid: int) -> list[str]:
    """Return the medians of a page: time of the answer, CPU time of the server, the first time, and the size."""
    server = psutil.Process(pid)
    walls, cpus, size = [], [], 0
    for _ in range(_TIMES + 1):
        before, started = server.cpu_times(), time.perf_counter()
        answer = http.get(path)
        walls.append((time.perf_counter() - started) * 1000)
        after = server.cpu_times()
        cpus.append((after.user + after.system - before.user - before.system) * 1000)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        size = len(answer.content)
    wall, cpu = statistics.median(walls[1:]), statistics.median(cpus[1:])
    return [path, f"{wall:.0f}", f"{cpu:.0f}", f"{walls[0]:.0f}", f"{size / 1000:.0f}"]


def make(client: TorcClient, *, jobs: int, failures: int, causes: int) -> tuple[int, int]:
    """Return the workflow, and the id of a failed job."""
    half = jobs // 2
    drafts = [JobDraft(name=f"first_{number}", command="true") for number in range(half)]
    drafts.append(JobDraft(name="barrier", command="true", depends_on=list(range(half))))
    drafts += [JobDraft(name=f"second_{number}", command="true", depends_on=[half]) for number in range(half - 1)]
    created = client.create_from_draft(
        WorkflowDraft(workflow=WorkflowModel(name="large", user="bench", use_pending_failed=True), jobs=drafts)
    )
    workflow_id, first = created.workflow.id or 0, created.first_job_id or 0
    client.initialize_jobs(workflow_id)
    node = ComputeNodeModel(
        workflow_id=workflow_id, hostname="bench", pid=1, start_time="2026-01-01T00:00:00Z", num_cpus=1, num_gpus=0,
        num_nodes=1, memory_gb=64, compute_node_type="local",
    )  # fmt: skip
    runner_id = client.compute_nodes.create(node).id or 0
    done = min(half, 2 * failures)
    for start in range(0, done, _BATCH):
        claimed = client.claim_next_jobs(workflow_id, limit=_BATCH, compute_node_id=runner_id).jobs
        ends = [
            _end(job.id or 0, workflow_id, runner_id, number, failures, causes)
            for number, job in enumerate(claimed, start)
        ]
        client.complete_jobs(workflow_id, ends)
    return workflow_id, first


def _end(job_id: int, workflow_id: int, runner_id: int, number: int, failures: int, causes: int) -> JobCompletion:
    fails = number < failures
    status = JobStatus.FAILED if fails else JobStatus.COMPLETED
    result = ResultModel(
        job_id=job_id, workflow_id=workflow_id, run_id=1, compute_node_id=runner_id, return_code=int(fails),
        exec_time_minutes=0.1, completion_time="2026-01-01T00:00:01Z", status=status,
    )  # fmt: skip
    cause = number % causes
    word = "".join(chr(ord("a") + int(digit)) for digit in f"{cause:04d}") * 2
    text = _TEXTS[cause % len(_TEXTS)].format(word)
    return JobCompletion(
        job_id=job_id, status=status, run_id=1, result=result, unmatched_failure=fails,
        evidence=Evidence(return_code=1, stderr_tail=text) if fails else None,
    )  # fmt: skip


if __name__ == "__main__":
    main()
