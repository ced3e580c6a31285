"""Recovery at scale: 10,000 failed of 100,000 jobs are gathered, diagnosed, planned and reset; and what watching costs.

    python -m benchmarks.recovery [--jobs 100000 --failed 10000]

Everything goes through a real server on loopback. The failed jobs ended for memory, for time and for unknown causes.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import machine, print_table
from benchmarks.scale import Server
from torc_client.http import TorcClient
from torc_client.recovery.allocations import Allocations
from torc_client.recovery.attempt_facts import failed_attempts
from torc_client.recovery.recover import RecoveryTools, carry_out, prepare
from torc_client.recovery.watch import WatchOptions, watch
from torc_core.api.drafts import ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.jobs import JobCompletion, JobDraft, StartJobsRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import JobStatus
from torc_core.recovery.diagnosis import diagnose
from torc_core.recovery.plan import RecoverOptions, make_plan

_BATCH = 5000
_POLLS = 20
_STDERR = "\n".join(f"step {n}: loss 0.{n:04d}" for n in range(40)) + "\nKilled\n"
_EVIDENCE = (
    Evidence(
        return_code=137, verdict="oom", memory_limit_bytes=8 << 30, peak_memory_bytes=9 << 30, stderr_tail=_STDERR
    ),
    Evidence(return_code=152, verdict="timeout", runtime_s=3601, runtime_limit_s=3600, stderr_tail=_STDERR),
    Evidence(return_code=1, stderr_tail=_STDERR + "ValueError: no such mode\n"),
)


def build(client: TorcClient, jobs: int, failed: int) -> int:
    """Create a workflow whose first `failed` jobs failed and whose others completed; return its id."""
    draft = WorkflowDraft(
        workflow=WorkflowModel(name="recovery", user="benchmark"),
        resource_requirements=[ResourceRequirementsDraft(name="large", memory="8g", runtime="PT1H")],
        jobs=[JobDraft(name=f"job_{n}", command="true", resource_requirements=0) for n in range(jobs)],
    )
    workflow_id = client.create_from_draft(draft).workflow.id or 0
    client.initialize_jobs(workflow_id)
    node = client.compute_nodes.create(
        ComputeNodeModel(
            workflow_id=workflow_id,
            hostname="benchmark",
            pid=1,
            start_time="2026-01-01T00:00:00Z",
            num_cpus=1,
            num_gpus=0,
            num_nodes=1,
            memory_gb=1,
            compute_node_type="local",
        )
    )
    first = None
    while claimed := client.claim_next_jobs(workflow_id, limit=_BATCH, compute_node_id=node.id).jobs:
        ids = [job.id or 0 for job in claimed]
        first = min(ids) if first is None else first
        client.start_jobs(workflow_id, StartJobsRequest(run_id=1, compute_node_id=node.id or 0, job_ids=ids))
        client.complete_jobs(
            workflow_id, [_end(workflow_id, job_id, node.id or 0, fails=job_id - first < failed) for job_id in ids]
        )
    client.compute_nodes.update(node.id or 0, node.model_copy(update={"is_active": False}))
    return workflow_id


def _end(workflow_id: int, job_id: int, node_id: int, *, fails: bool) -> JobCompletion:
    evidence = _EVIDENCE[job_id % len(_EVIDENCE)] if fails else None
    status = JobStatus.FAILED if fails else JobStatus.COMPLETED
    result = ResultModel(
        job_id=job_id,
        workflow_id=workflow_id,
        run_id=1,
        attempt_id=1,
        compute_node_id=node_id,
        return_code=evidence.return_code if evidence else 0,
        exec_time_minutes=60.0,
        completion_time="2026-01-01T00:00:00Z",
        status=status,
        peak_memory_bytes=evidence.peak_memory_bytes if evidence else 1 << 30,
    )
    return JobCompletion(
        job_id=job_id, status=status, run_id=1, result=result, evidence=evidence, unmatched_failure=fails
    )


def measure_recovery(client: TorcClient, workflow_id: int) -> Sequence[str]:
    options = RecoverOptions(retry_unknown=True)
    begin = time.perf_counter()
    facts = failed_attempts(client, workflow_id, Allocations())
    gathered = time.perf_counter()
    plan = make_plan([diagnose(each) for each in facts], options)
    planned = time.perf_counter()
    assert len(plan.retries) == len(facts)
    tools = RecoveryTools(user="benchmark", say=lambda _: None)
    whole = time.perf_counter()
    prospect = prepare(client, workflow_id, options, tools)
    apply = time.perf_counter()
    applied = carry_out(client, prospect, tools)
    end = time.perf_counter()
    assert applied.answer.reset_count == len(facts)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        str(len(facts)),
        f"{gathered - begin:.2f}",
        f"{planned - gathered:.2f}",
        f"{end - apply:.2f}",
        f"{end - whole:.2f}",
        f"{peak_mb:.0f}",
    )


class _EnoughPollsError(Exception):
    """Enough polls."""


class _Polls:
    """An alarm that lets no time pass, and ends the watch after some polls."""

    def __init__(self) -> None:
        self.left = _POLLS

    def wait(self, timeout_s: float) -> bool:
        del timeout_s
        self.left -= 1
        if self.left == 0:
            raise _EnoughPollsError
        return False


def measure_watch(client: TorcClient, workflow_id: int) -> Sequence[str]:
    """Measure requests and time of one poll of a workflow that runs."""
    job = client.claim_next_jobs(workflow_id, limit=1).jobs[0]
    count = 0
    send = client.transport.request

    def counting(*args: object, **kwargs: object) -> bytes:
        nonlocal count
        count += 1
        return send(*args, **kwargs)

    client.transport.request = counting
    tools = RecoveryTools(user="benchmark", say=lambda _: None)
    client.compute_nodes.create(
        client.compute_nodes.list_all(workflow_id=workflow_id)[0].model_copy(
            update={"id": None, "is_active": True, "hostname": "elsewhere"}
        )
    )
    begin = time.perf_counter()
    try:
        watch(client, workflow_id, WatchOptions(show_counts=True), tools, alarm=_Polls())
    except _EnoughPollsError:
        pass
    finally:
        client.transport.request = send
    seconds = time.perf_counter() - begin
    assert job.id is not None
    return (f"{count / _POLLS:.1f}", f"{seconds / _POLLS * 1000:.0f}", f"{count / _POLLS / 60:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--failed", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            workflow_id = build(server.client, options.jobs, options.failed)
            recovery = measure_recovery(server.client, workflow_id)
            watching = measure_watch(server.client, workflow_id)
        finally:
            server.stop()
    print_table(
        f"Recovery of failures among {options.jobs} jobs ({machine()})",
        ("failed", "gather s", "diagnose and plan s", "apply s", "whole recovery s", "client peak MB"),
        [recovery],
    )
    print_table(
        "Watching a workflow that runs",
        ("requests per look", "ms per look", "requests per second at the default poll interval"),
        [watching],
    )


if __name__ == "__main__":
    main()
