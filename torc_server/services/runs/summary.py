"""The state of a workflow, counted from its records at each request."""

import json
import math
from collections.abc import Collection
from datetime import datetime
from typing import Any

from torc_core.api.base import Page
from torc_core.api.jobs import EvidenceModel, RunningJob
from torc_core.api.workflows import (
    IsComplete,
    IsUninitialized,
    JobIds,
    JobOutlines,
    JobStatusCounts,
    MissingUserData,
    ReadyJobRequirements,
    RequiredFiles,
    WorkflowStatusModel,
)
from torc_core.errors import NotFoundError
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import DONE, FRESH, STATUS_BY_CODE, JobStatus
from torc_core.resources.duration import format_duration
from torc_server.db.queries.jobs import attempts, claims
from torc_server.db.queries.jobs import jobs as queries_jobs
from torc_server.db.queries.jobs import runners as queries_runners
from torc_server.db.queries.records import workflows as queries
from torc_server.db.queries.runs import initialize
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.actions import count_open_actions
from torc_server.services.records.base import slice_of
from torc_server.services.records.lookup import find_job, find_workflow
from torc_server.services.records.paging import PageRequest


def workflow_status(uow: UnitOfWork, workflow_id: int) -> WorkflowStatusModel:
    """Return the workflow's state; times are of the present run: of all attempts, and from first start to last end."""
    workflow = find_workflow(uow, workflow_id)
    counts = queries.count_jobs(uow, workflow_id)
    nodes = queries.count_nodes(uow, workflow_id)
    exec_time_minutes, walltime_s = queries.time_spent(uow, workflow_id, workflow.run_id)
    actions = count_open_actions(uow, workflow_id, is_canceled=workflow.is_canceled)
    return WorkflowStatusModel(
        workflow_id=workflow_id,
        workflow_name=workflow.name,
        workflow_user=workflow.user,
        run_id=workflow.run_id,
        total_jobs=sum(counts.values()),
        jobs_by_status=JobStatusCounts(dict(counts)),
        total_exec_time_minutes=exec_time_minutes,
        walltime_seconds=walltime_s,
        active_compute_nodes=nodes.active,
        pending_scheduled_nodes=nodes.scheduled_pending,
        active_scheduled_nodes=nodes.scheduled_active,
        is_complete=workflow.is_canceled or all(status in DONE for status in counts),
        is_canceled=workflow.is_canceled,
        is_archived=workflow.is_archived,
        due_actions=actions.due_commands,
        due_allocation_actions=actions.due_allocations,
        failed_actions=actions.failed,
        **_what_cannot_start(uow, workflow_id, has_ready=bool(counts.get(JobStatus.READY))),
    )


def _what_cannot_start(uow: UnitOfWork, workflow_id: int, *, has_ready: bool) -> dict[str, Any]:
    """Return the fields of the status about ready jobs that no active runner has the time or the labels for."""
    runners = queries_runners.active_runners(uow, workflow_id)
    left_s = [
        max(0.0, (datetime.fromisoformat(end) - uow.now).total_seconds()) for end, _ in runners if end is not None
    ]
    found: dict[str, Any] = {"max_allocation_remaining_seconds": int(max(left_s)) if left_s else None}
    if not has_ready:
        return found
    if left_s and len(left_s) == len(runners):
        blocked, longest_s = claims.longer_ready_jobs(uow, workflow_id, max(left_s))
        found["runtime_blocked_ready_jobs"] = blocked
        found["longest_ready_runtime_seconds"] = math.ceil(longest_s) if blocked else None
    unserved: dict[str, int] = {}
    for text, count in claims.ready_labels(uow, workflow_id):
        labels = json.loads(text)
        if not any(has.issuperset(labels) for _, has in runners):
            unserved[",".join(labels)] = count
    return found | {"unserved_ready_labels": unserved}


def is_complete(uow: UnitOfWork, workflow_id: int) -> IsComplete:
    """Return whether the workflow is complete, as a canceled one and one without jobs are."""
    workflow = find_workflow(uow, workflow_id)
    return IsComplete(
        is_complete=workflow.is_canceled or queries.is_everything_done(uow, workflow_id),
        is_canceled=workflow.is_canceled,
    )


def is_uninitialized(uow: UnitOfWork, workflow_id: int) -> IsUninitialized:
    """Return whether every job is uninitialized or disabled."""
    find_workflow(uow, workflow_id)
    counts = queries.count_jobs(uow, workflow_id)
    return IsUninitialized(is_uninitialized=all(status in FRESH for status in counts))


def job_ids(uow: UnitOfWork, workflow_id: int) -> JobIds:
    find_workflow(uow, workflow_id)
    ids = queries_jobs.jobs_in(uow, workflow_id, JobStatus)
    return JobIds(job_ids=ids, count=len(ids))


def job_outlines(
    uow: UnitOfWork, workflow_id: int, *, statuses: Collection[JobStatus], after: int, limit: int
) -> JobOutlines:
    """Return the outlines of the jobs behind the id `after`; of all statuses where none is named."""
    find_workflow(uow, workflow_id)
    rows = queries_jobs.outline_rows(uow, workflow_id, statuses or JobStatus, after=after, limit=limit)
    return JobOutlines(
        ids=[row[0] for row in rows],
        names=[row[1] for row in rows],
        statuses=[STATUS_BY_CODE[row[2]] for row in rows],
        resource_requirements_ids=[row[3] for row in rows],
        next_after=rows[-1][0] if rows and len(rows) == limit else None,
    )


def running_jobs(uow: UnitOfWork, workflow_id: int, page: PageRequest) -> Page[RunningJob]:
    find_workflow(uow, workflow_id)
    jobs, total = queries_jobs.running_jobs(uow, workflow_id, slice_of(page, ()))
    return page.page(jobs, total=total)


def ready_job_requirements(
    uow: UnitOfWork, workflow_id: int, *, scheduler_config_id: int | None = None
) -> ReadyJobRequirements:
    """Return what all ready jobs need together; with a scheduler, only its jobs and those that name none."""
    find_workflow(uow, workflow_id)
    needs = claims.ready_needs(uow, workflow_id, scheduler_config_id)
    return ReadyJobRequirements(
        num_jobs=needs.num_jobs,
        num_cpus=needs.num_cpus,
        num_gpus=needs.num_gpus,
        memory_gb=needs.memory_bytes / 2**30,
        max_num_nodes=needs.max_num_nodes,
        max_runtime=format_duration(needs.max_runtime_s),
    )


def required_existing_files(uow: UnitOfWork, workflow_id: int) -> RequiredFiles:
    find_workflow(uow, workflow_id)
    return RequiredFiles(files=initialize.required_existing_files(uow, workflow_id))


def missing_user_data(uow: UnitOfWork, workflow_id: int) -> MissingUserData:
    find_workflow(uow, workflow_id)
    return MissingUserData(user_data=initialize.missing_user_data(uow, workflow_id))


def job_evidence(
    uow: UnitOfWork, job_id: int, *, run_id: int | None = None, attempt_id: int | None = None
) -> EvidenceModel:
    """Return the stored evidence of an attempt, by default of the newest failed one."""
    job = find_job(uow, job_id)
    stored = attempts.find_evidence(uow, job_id, run_id=run_id, attempt_id=attempt_id)
    if stored is None:
        raise NotFoundError(
            f"there is no evidence of a failed attempt of job {job_id} ({job.name})",
            hint="evidence is kept for failed attempts only",
            ids={"job_id": job_id, "workflow_id": job.workflow_id},
        )
    attempt, data = stored
    return EvidenceModel(
        workflow_id=job.workflow_id,
        job_id=job_id,
        job_name=job.name,
        run_id=attempt.run_id,
        attempt_id=attempt.attempt_id,
        evidence=Evidence.model_validate_json(data),
    )
