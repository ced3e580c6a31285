"""Workflows with failed jobs, made through the API alone."""

from collections.abc import Sequence

from helpers import make_runner

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft, ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.jobs import JobCompletion, StartJobsRequest
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import JobStatus

MIB = 1 << 20
LARGE = ResourceRequirementsDraft(name="large", num_cpus=1, memory="8g", runtime="PT1H")
OOM = Evidence(return_code=137, verdict="oom", memory_limit_bytes=8192 * MIB, peak_memory_bytes=8200 * MIB)
TIMEOUT = Evidence(return_code=152, verdict="timeout", runtime_s=3601.0, runtime_limit_s=3600.0)
LOST = Evidence(return_code=-128, verdict="lost")
BROKEN = Evidence(return_code=1, stderr_tail="ValueError: no such mode")


def job(name: str, *, requirement: int | None = 0, depends_on: Sequence[int] = (), strict: bool = True) -> JobDraft:
    return JobDraft(
        name=name,
        command="true",
        resource_requirements=requirement,
        depends_on=list(depends_on),
        cancel_on_blocking_job_failure=strict,
    )


def make_scene(
    client: TorcClient,
    *jobs: JobDraft,
    use_pending_failed: bool = False,
    requirements: Sequence[ResourceRequirementsDraft] = (LARGE,),
) -> tuple[int, list[int]]:
    """An initialized workflow: its id and its jobs' ids."""
    created = client.create_from_draft(
        WorkflowDraft(
            workflow=WorkflowModel(name="scene", user="tester", use_pending_failed=use_pending_failed),
            resource_requirements=list(requirements),
            jobs=list(jobs),
        )
    )
    workflow_id, first = created.workflow.id, created.first_job_id
    assert workflow_id is not None
    assert first is not None
    client.initialize_jobs(workflow_id)
    return workflow_id, list(range(first, first + created.job_count))


def claim_all(client: TorcClient, workflow_id: int, *, start: bool = True) -> int:
    """Every ready job is held by a runner that stands for this test: its id."""
    runner_id = make_runner(client, workflow_id, num_cpus=1000)
    claimed = [
        job.id or 0 for job in client.claim_next_jobs(workflow_id, limit=100_000, compute_node_id=runner_id).jobs
    ]
    if start and claimed:
        run_id = client.workflow_status(workflow_id).run_id
        client.start_jobs(workflow_id, StartJobsRequest(run_id=run_id, compute_node_id=runner_id, job_ids=claimed))
    return runner_id


def end(
    client: TorcClient,
    job_id: int,
    evidence: Evidence | None = None,
    *,
    minutes: float = 10.0,
    peak_memory_bytes: int | None = None,
    status: JobStatus | None = None,
    completion_time: str = "2026-01-01T00:00:01Z",
) -> None:
    """The present attempt of a running job ends; without evidence it succeeds."""
    record = client.jobs.get(job_id)
    run_id = client.workflow_status(record.workflow_id).run_id
    outcome = status or (JobStatus.COMPLETED if evidence is None else JobStatus.FAILED)
    result = ResultModel(
        job_id=job_id,
        workflow_id=record.workflow_id,
        run_id=run_id,
        attempt_id=record.attempt_id,
        compute_node_id=record.compute_node_id or 0,
        return_code=evidence.return_code if evidence else 0,
        exec_time_minutes=minutes,
        completion_time=completion_time,
        status=outcome,
        peak_memory_bytes=peak_memory_bytes or (evidence.peak_memory_bytes if evidence else None),
    )
    answer = client.complete_jobs(
        record.workflow_id,
        [
            JobCompletion(
                job_id=job_id,
                status=outcome,
                run_id=run_id,
                result=result,
                evidence=evidence,
                unmatched_failure=evidence is not None,
            )
        ],
    )
    assert answer.errors == []


def leave(client: TorcClient, runner_id: int) -> None:
    node = client.compute_nodes.get(runner_id)
    client.compute_nodes.update(runner_id, node.model_copy(update={"is_active": False}))


def fail_all(client: TorcClient, workflow_id: int, ends: dict[int, Evidence | None]) -> None:
    """One runner claims everything that is ready, these jobs end so, and it leaves."""
    runner_id = claim_all(client, workflow_id)
    for job_id, evidence in ends.items():
        end(client, job_id, evidence)
    leave(client, runner_id)


def statuses(client: TorcClient, workflow_id: int) -> dict[str, str]:
    return {record.name: str(record.status) for record in client.jobs.list_all(workflow_id=workflow_id)}


def requirement_of(client: TorcClient, job_id: int) -> str:
    """`name memory runtime` of what the job needs now."""
    requirement = client.resource_requirements.get(client.jobs.get(job_id).resource_requirements_id or 0)
    return f"{requirement.name} {requirement.memory} {requirement.runtime}"
