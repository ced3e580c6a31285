"""Workflows of the services bench whose jobs failed and wait for a decision."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers import ended, make_runner
from services_bench import Bench, Run, job

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft, ResourceRequirementsDraft
from torc_core.api.failures import (
    Actor,
    Classification,
    ClassifyRequest,
    ClassifyResponse,
    DecisionModel,
    FailureGroup,
    FailureGroups,
)
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import JobStatus
from torc_server.services.records.paging import PageRequest
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.services.runs.reset import reset_job_status, reset_workflow_status
from torc_server.services.triage import decide as decisions
from torc_server.services.triage import groups as failures

PERSON = Actor(kind="person", name="ann")
AGENT = Actor(kind="agent", name="helper", version="1.0", user="ann")

REFUSED = "ConnectionError: Connection refused to storage.example.com:443"
BUG = "Traceback (most recent call last):\n  File \"sim.py\", line 3, in main\nKeyError: 'timestamp'"
STRANGE = "the flux capacitor misaligned itself"
"""Something no rule knows."""


def evidence(text: str, **facts: Any) -> Evidence:
    return Evidence(return_code=1, stderr_tail=text, **facts)


def failed_run(path: Path, texts: dict[str, str], *more: JobDraft, **options: Any) -> Run:
    """A workflow in which each job of `texts` ended with this on its stderr."""
    bench = Bench.at(path / "torc.db", **options)
    run = bench.workflow([*(job(name, resource_requirements=0) for name in texts), *more], **REQUIREMENTS)
    run.begin(*texts)
    for name, text in texts.items():
        fail(run, name, text)
    return run


REQUIREMENTS: dict[str, Any] = {
    "resource_requirements": [
        ResourceRequirementsDraft(name="small", num_cpus=1, memory="1g", runtime="PT1H"),
    ]
}


def fail(run: Run, name: str, text: str | None, **facts: Any) -> None:
    """The present attempt ends, and no rule knows why; without a text nothing but the return code is reported."""
    known = None if text is None else evidence(text)
    run.end(name, JobStatus.FAILED, unmatched_failure=True, evidence=known, **facts)


def groups(run: Run, status: failures.FailureStatus = "pending_failed", **page: int) -> FailureGroups:
    return run.bench.read(failures.list_groups, run.workflow_id, PageRequest(**page), status=status, job_ids_limit=None)


def group_of(run: Run, name: str, status: failures.FailureStatus = "pending_failed") -> FailureGroup:
    [found] = [group for group in groups(run, status).items if run.id(name) in group.job_ids]
    return found


def next_run(run: Run) -> None:
    """Everything begins anew in a run of its own, as `torc workflows reinit` does it."""
    run.bench.write(reset_job_status, run.workflow_id)
    run.bench.write(reset_workflow_status, run.workflow_id, force=True)
    run.bench.write(initialize_jobs, run.workflow_id)
    run.run_id += 1


def entry_for(run: Run, name: str, action: str, **fields: Any) -> Classification:
    return Classification.model_validate({"job_id": run.id(name), "action": action, "reason": f"{action} it", **fields})


def alike(run: Run, name: str, action: str, **fields: Any) -> Classification:
    """An entry for everything that failed like this job."""
    return Classification.model_validate(
        {"signature": group_of(run, name).signature, "action": action, "reason": f"{action} them", **fields}
    )


def request(*classifications: Classification, actor: Actor = PERSON, **options: Any) -> ClassifyRequest:
    return ClassifyRequest(classifications=list(classifications), actor=actor, **options)


def decide(run: Run, *classifications: Classification, **options: Any) -> ClassifyResponse:
    return run.bench.write(decisions.decide, run.workflow_id, request(*classifications, **options))


def kept(run: Run, job_name: str | None = None) -> Sequence[DecisionModel]:
    """The decisions of the workflow, the oldest first."""
    job_id = None if job_name is None else run.id(job_name)
    return run.bench.read(
        decisions.list_decisions, run.workflow_id, PageRequest(), decisions.DecisionFilter(job_id=job_id)
    ).items


def fail_over_http(client: TorcClient, workflow_id: int, texts: Mapping[int, str]) -> None:
    """A runner of its own claims these jobs, and each ends with this on its stderr."""
    runner_id = make_runner(client, workflow_id)
    client.claim_next_jobs(workflow_id, limit=len(texts), compute_node_id=runner_id)
    completions = [
        ended(job_id, workflow_id=workflow_id, runner_id=runner_id, status=JobStatus.FAILED).model_copy(
            update={"evidence": evidence(text), "unmatched_failure": True}
        )
        for job_id, text in texts.items()
    ]
    assert client.complete_jobs(workflow_id, completions).errors == []
