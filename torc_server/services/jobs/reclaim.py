"""Reclaim: orphans, the jobs of runners that are gone, are released, requeued or failed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from torc_core.api.jobs import ReclaimedJob, ReclaimRequest, ReclaimResponse
from torc_core.api.results import ResultModel
from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.jobs.lifecycle import OUTCOME_EVENTS, Event, may_go_back
from torc_core.jobs.status import DONE, JobStatus
from torc_core.triage.facts import RUNNER_LOST_CODE
from torc_server.db.queries.access.tokens import delete_of_runners
from torc_server.db.queries.jobs import attempts, runners
from torc_server.db.queries.jobs.attempts import AttemptKey, SignedEvidence
from torc_server.db.queries.jobs.jobs import JobState, held_jobs
from torc_server.db.queries.jobs.runners import NodeState
from torc_server.db.queries.jobs.transitions import add_fault, skip_attempt
from torc_server.db.queries.records.workflows import WorkflowState
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.announcements import announce_status
from torc_server.services.jobs.complete import uses_pending_failed
from torc_server.services.jobs.dependents import finish
from torc_server.services.jobs.evidence import sign_evidence
from torc_server.services.jobs.retry import note_retries
from torc_server.services.jobs.transitions import apply_event, hold_back, send_back
from torc_server.services.records.actions import release_actions
from torc_server.services.records.lookup import find_workflow, no_such_runner
from torc_server.services.records.partly_ready_actions import make_partly_ready_due

_Outcome = Literal["requeued", "failed", "pending_failed", "released"]


def reclaim_jobs(uow: UnitOfWork, workflow_id: int, request: ReclaimRequest) -> ReclaimResponse:
    """End every attempt of these runners and mark them inactive; a second time, this changes nothing.

    Claims that were not reported as started are released, with the next attempt number, which is no fault. Started
    attempts get a result and evidence; their jobs are requeued where the request asks for it and their infrastructure
    faults are within the bound, otherwise they fail, or wait for a decision where the workflow uses pending_failed.
    """
    workflow = find_workflow(uow, workflow_id)
    nodes = _find_nodes(uow, workflow_id, request.compute_node_ids)
    held = held_jobs(uow, list(nodes))
    unstarted = [job for job in held if job.status is JobStatus.PENDING]
    lost = [job for job in held if job.status is JobStatus.RUNNING]
    released = apply_event(uow, Event.UNCLAIM, [job.id for job in unstarted])
    # A runner reports starts in batches: some of these jobs may have begun, and written a log under this attempt
    # number. Under the same number, the next attempt would overwrite it.
    skip_attempt(uow, released)
    hold_back(uow, released)
    requeued = [job for job in lost if request.requeue and may_go_back(job.infrastructure_faults)]
    failed = [job for job in lost if not (request.requeue and may_go_back(job.infrastructure_faults))]
    outcome = JobStatus.PENDING_FAILED if uses_pending_failed(uow, workflow) else JobStatus.FAILED
    _record(uow, workflow, lost, nodes, request)
    _requeue(uow, workflow, requeued)
    _fail(uow, workflow, failed, outcome)
    release_actions(uow, list(nodes))
    delete_of_runners(uow, list(nodes))
    for node_id in runners.deactivate(uow, list(nodes)):
        node = nodes[node_id]
        facts = {"compute_node_id": node_id, "hostname": node.hostname, "compute_node_type": node.compute_node_type}
        uow.announce(workflow_id, "compute_node_stopped", severity="warning", data={**facts, "reason": request.reason})
    make_partly_ready_due(uow, workflow_id)
    uow.touch(workflow_id)
    failed_as: _Outcome = "pending_failed" if outcome is JobStatus.PENDING_FAILED else "failed"
    return ReclaimResponse(
        jobs=[
            *(_reclaimed(job, "released") for job in unstarted),
            *(_reclaimed(job, "requeued") for job in requeued),
            *(_reclaimed(job, failed_as) for job in failed),
        ]
    )


def _find_nodes(uow: UnitOfWork, workflow_id: int, node_ids: Sequence[int]) -> Mapping[int, NodeState]:
    nodes = runners.node_states(uow, node_ids)
    for node_id in node_ids:
        if node_id not in nodes or nodes[node_id].workflow_id != workflow_id:
            raise no_such_runner(workflow_id, node_id)
    return nodes


def _record(
    uow: UnitOfWork,
    workflow: WorkflowState,
    lost: Sequence[JobState],
    nodes: Mapping[int, NodeState],
    request: ReclaimRequest,
) -> None:
    results: list[tuple[AttemptKey, ResultModel]] = []
    evidence: list[tuple[AttemptKey, SignedEvidence]] = []
    ended = uow.now if request.ended_at is None else min(uow.now, request.ended_at)
    for job in lost:
        attempt = AttemptKey(job.id, workflow.run_id, job.attempt_id)
        runtime_s = _seconds_until(ended, job.start_time)
        results.append((attempt, _result(uow, workflow, job, runtime_s)))
        evidence.append((attempt, _evidence(nodes[job.compute_node_id or 0], runtime_s, request)))
    attempts.write_results(uow, workflow.id, results)
    attempts.write_evidence(uow, workflow.id, evidence)


def _result(uow: UnitOfWork, workflow: WorkflowState, job: JobState, runtime_s: float) -> ResultModel:
    return ResultModel(
        job_id=job.id,
        workflow_id=workflow.id,
        run_id=workflow.run_id,
        attempt_id=job.attempt_id,
        compute_node_id=job.compute_node_id or 0,
        return_code=RUNNER_LOST_CODE,
        exec_time_minutes=runtime_s / 60,
        completion_time=uow.now_text,
        status=JobStatus.FAILED,
    )


def _evidence(node: NodeState, runtime_s: float, request: ReclaimRequest) -> SignedEvidence:
    facts = request.scheduler or SchedulerFacts(
        type=node.compute_node_type, job_id=node.scheduler_job_id, reason=request.reason
    )
    evidence = Evidence(
        return_code=RUNNER_LOST_CODE, verdict="lost", runtime_s=runtime_s, node=node.hostname, scheduler=facts
    )
    return sign_evidence(evidence)


def _requeue(uow: UnitOfWork, workflow: WorkflowState, jobs: Sequence[JobState]) -> None:
    job_ids = [job.id for job in jobs]
    send_back(uow, job_ids)
    add_fault(uow, job_ids)
    note_retries(uow, [(job, workflow.run_id) for job in jobs])


def _fail(uow: UnitOfWork, workflow: WorkflowState, jobs: Sequence[JobState], outcome: JobStatus) -> None:
    job_ids = apply_event(uow, OUTCOME_EVENTS[outcome], [job.id for job in jobs])
    announce_status(uow, workflow.id, outcome, [(job.id, job.name) for job in jobs], run_id=workflow.run_id)
    finish(uow, workflow.id, job_ids if outcome in DONE else [])


def _seconds_until(ended: datetime, start_time: str | None) -> float:
    if start_time is None:
        return 0.0
    return max(0.0, (ended - datetime.fromisoformat(start_time)).total_seconds())


def _reclaimed(job: JobState, outcome: _Outcome) -> ReclaimedJob:
    return ReclaimedJob(job_id=job.id, job_name=job.name, attempt_id=job.attempt_id, outcome=outcome)
