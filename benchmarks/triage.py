"""Triage at scale: many failed jobs with few causes are signed, listed in groups, and decided by group.

    python -m benchmarks.triage [--jobs 10000] [--causes 300]

The failures go through a real server on loopback, as runners report them; suggesting and signing are also measured
alone, the rules on the failures recorded for the tests, and the answer an agent gets to its first question.
"""

import argparse
import json
import logging
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from benchmarks import texts
from benchmarks.common import machine, print_table
from benchmarks.corpus import load_failures, measure
from benchmarks.scale import Server
from torc_client.http import TorcClient
from torc_client.settings import ClientSettings
from torc_core.api.drafts import WorkflowDraft
from torc_core.api.failures import Actor, Classification, ClassifyRequest
from torc_core.api.jobs import ComputeNodesResources, JobCompletion, JobDraft, StartJobsRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import JobStatus
from torc_core.triage.assess import assess
from torc_mcp.server import build_server
from torc_mcp.settings import McpSettings

LIST_TARGET_S = 2.0
DECIDE_TARGET_S = 3.0
CLASSIFY_TARGET = 500
PRECISION_TARGET = 0.95
_RECORDED = Path(__file__).parents[1] / "tests/torc_core/recovery_failures/failure_cases.py"
_BATCH = 500
_ENDINGS = (
    "ModuleNotFoundError: No module named '{word}'",
    "Traceback (most recent call last):\n  File \"/home/u/job_{n}/sim.py\", line {n}, in main\nKeyError: '{word}'",
    "bash: line {n}: {word}: command not found",
    "fatal: the {word} solver diverged after {n} iterations",
    "/apps/sim-{n}/bin/sim: symbol lookup error: undefined symbol: {word}",
    "RuntimeError: {word} refused 10.0.0.{n}:443, connection reset by peer",
)


def failure(job: int, causes: int) -> Evidence:
    """Return the evidence of one of `causes` causes; what differs between jobs (numbers, times, paths) differs."""
    cause = job % causes
    word = f"{_syllables(cause)}_{_syllables(causes - cause)}"
    progress = "\n".join(f"2026-01-01 12:{i % 60:02d}:07 INFO step {job + i} done in {i}.5 s" for i in range(40))
    end = _ENDINGS[cause % len(_ENDINGS)].format(word=word, n=job % 150 + 100)
    return Evidence(return_code=1, stderr_tail=f"{progress}\n{end}\n", runtime_s=12.5, node=f"node{job % 64:03d}")


def _syllables(number: int) -> str:
    syllables = ("ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu")
    return "".join(syllables[int(digit)] for digit in str(number))


def fail_all(client: TorcClient, jobs: int, causes: int) -> tuple[int, float]:
    """Return the workflow, and the seconds the server took for the reports of all failures."""
    draft = WorkflowDraft(
        workflow=WorkflowModel(name="triage", user="benchmark", use_pending_failed=True),
        jobs=[JobDraft(name=f"job_{i}", command="false") for i in range(jobs)],
    )
    workflow_id = client.create_from_draft(draft).workflow.id or 0
    client.initialize_jobs(workflow_id)
    node_id = _node(client, workflow_id)
    resources = ComputeNodesResources(id=node_id, num_cpus=_BATCH, memory_gb=1000)
    took_s = 0.0
    for _ in range(-(-jobs // _BATCH)):
        job_ids = [job.id or 0 for job in client.claim_jobs(workflow_id, resources, limit=_BATCH).jobs]
        client.start_jobs(workflow_id, StartJobsRequest(run_id=1, compute_node_id=node_id, job_ids=job_ids))
        ends = [_end(workflow_id, node_id, job_id, failure(job_id, causes)) for job_id in job_ids]
        _, seconds = timed(lambda: client.complete_jobs(workflow_id, ends))  # noqa: B023
        took_s += seconds
    return workflow_id, took_s


def _node(client: TorcClient, workflow_id: int) -> int:
    node = ComputeNodeModel(
        workflow_id=workflow_id,
        hostname="benchmark",
        pid=1,
        start_time="2026-01-01T00:00:00Z",
        num_cpus=_BATCH,
        num_gpus=0,
        num_nodes=1,
        memory_gb=1000,
        compute_node_type="local",
    )
    return client.compute_nodes.create(node).id or 0


def _end(workflow_id: int, node_id: int, job_id: int, evidence: Evidence) -> JobCompletion:
    result = ResultModel(
        job_id=job_id,
        workflow_id=workflow_id,
        run_id=1,
        attempt_id=1,
        compute_node_id=node_id,
        return_code=1,
        exec_time_minutes=0.2,
        completion_time="2026-01-01T00:00:00Z",
        status=JobStatus.FAILED,
    )
    return JobCompletion(
        job_id=job_id, status=JobStatus.FAILED, run_id=1, result=result, evidence=evidence, unmatched_failure=True
    )


def decide_by_group(client: TorcClient, workflow_id: int) -> int:
    """Apply every suggestion, retry where there is none; return how many jobs were decided."""
    groups = client.failures.groups(workflow_id, job_ids_limit=0).items
    entries = [
        Classification(
            signature=group.signature,
            action=group.suggestion.action if group.suggestion else "retry",
            reason=group.suggestion.reason if group.suggestion else "nobody knows",
        )
        for group in groups
    ]
    request = ClassifyRequest(classifications=entries, actor=Actor(kind="rules", name="benchmark"))
    answer = client.failures.classify(workflow_id, request)
    return answer.jobs_to_retry + answer.jobs_to_fail


def measure_rules() -> tuple[float, float]:
    """Return the precision of the rules and the share of texts they classify, on texts they were made for."""
    recorded = runpy.run_path(str(_RECORDED))
    cases = [case for case in recorded["load_cases"]() if case.class_ != "none"]
    precision, coverage, _ = recorded["measure"](cases)
    return precision, coverage


def answer_bytes(client: TorcClient, workflow_id: int) -> int:
    """Return the size of what list_pending_failed_jobs answers an agent: text and structure."""

    logging.getLogger("httpx").setLevel(logging.WARNING)

    async def ask() -> int:
        settings = McpSettings(client=ClientSettings(url=client.url, user="benchmark", output_dir="nowhere"))
        async with Client(build_server(settings, client)) as agent:
            answer = await agent.call_tool("list_pending_failed_jobs", {"workflow_id": workflow_id})
        texts = "".join(getattr(block, "text", "") for block in answer.content)
        return len(texts.encode()) + len(json.dumps(answer.structured_content, ensure_ascii=False).encode())

    return anyio.run(ask)


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    answer = action()
    return answer, time.perf_counter() - begin


def suggest(evidence: Evidence) -> object:
    return assess(evidence).suggestion


def sign(evidence: Evidence) -> object:
    assessed = assess(evidence)
    return assessed.signature, assessed.cause_line


def rate(function: Callable[[Evidence], object], evidence: list[Evidence]) -> float:
    """Return the calls a second, after the library is loaded."""
    function(evidence[0])
    begin = time.perf_counter()
    for one in evidence:
        function(one)
    return len(evidence) / (time.perf_counter() - begin)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=10_000)
    arguments.add_argument("--causes", type=int, default=300)
    options = arguments.parse_args()
    texts.main()
    evidence = [failure(job, options.causes) for job in range(2_000)]
    classify_rate, assess_rate = rate(suggest, evidence), rate(sign, evidence)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            workflow_id, report_s = fail_all(server.client, options.jobs, options.causes)
            groups, list_s = timed(lambda: server.client.failures.groups(workflow_id))
            answer = answer_bytes(server.client, workflow_id)
            decided, decide_s = timed(lambda: decide_by_group(server.client, workflow_id))
            kept, decisions_s = timed(lambda: server.client.failures.decisions(workflow_id))
        finally:
            server.stop()
    if not (groups.total_jobs == decided == len(kept) == options.jobs):
        raise SystemExit(f"{options.jobs} jobs failed, {groups.total_jobs} were listed, {decided} were decided")
    if groups.total_count != min(options.causes, options.jobs):
        raise SystemExit(f"{options.causes} causes became {groups.total_count} groups")
    precision, coverage = measure_rules()
    unseen = measure(load_failures("held_out"))
    every = measure(load_failures())
    rows = [
        (f"triage on {unseen.cases} held-out texts: precision", f"{unseen.precision:.3f}", "0.97"),
        ("triage on held-out texts: coverage", f"{unseen.coverage:.3f}", "-"),
        ("triage on held-out texts: right of all", f"{unseen.right:.3f}", "0.92"),
        ("triage on held-out texts: action right", f"{unseen.action:.3f}", "0.99"),
        (f"triage on all {every.cases} collected texts: precision", f"{every.precision:.3f}", "-"),
        ("triage on all collected texts: right of all", f"{every.right:.3f}", "-"),
        ("failures reported and signed, ms per job", f"{report_s / options.jobs * 1000:.2f}", "-"),
        (f"listed in {groups.total_count} groups, s", f"{list_s:.2f}", f"{LIST_TARGET_S:.0f}"),
        ("classified and applied by group, s", f"{decide_s:.2f}", f"{DECIDE_TARGET_S:.0f}"),
        ("decisions listed with outcomes, s", f"{decisions_s:.2f}", "-"),
        ("suggestions, calls per second", f"{classify_rate:.0f}", f"{CLASSIFY_TARGET}"),
        ("signature, cause and class, calls per second", f"{assess_rate:.0f}", "-"),
        ("list_pending_failed_jobs, answer in KiB", f"{answer / 1024:.0f}", "-"),
        ("triage on the development set: precision", f"{precision:.3f}", f"{PRECISION_TARGET}"),
        ("triage on the development set: coverage", f"{coverage:.3f}", "-"),
    ]
    title = f"{options.jobs} failed jobs with {options.causes} causes ({machine()})"
    print_table(title, ("what", "measured", "target"), rows)
    sys.exit(list_s > LIST_TARGET_S or decide_s > DECIDE_TARGET_S or classify_rate < CLASSIFY_TARGET)


if __name__ == "__main__":
    main()
