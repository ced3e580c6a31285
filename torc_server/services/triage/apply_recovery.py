"""Applies a recovery plan in one transaction: raised requirements, jobs reset, a new run; all of it or nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from torc_core.api.base import Page
from torc_core.api.jobs import EvidenceModel
from torc_core.api.recovery import ApplyRecoveryRequest, ApplyRecoveryResponse, PlannedRetry, SkippedRetry
from torc_core.errors import StateConflictError
from torc_core.evidence.record import Evidence
from torc_core.hints import Hint, torc
from torc_core.jobs.status import ACTIVE, RESETTABLE_FAILURES, JobStatus
from torc_core.resources.duration import format_duration, parse_duration
from torc_core.resources.memory import format_memory, parse_memory
from torc_server.db.queries.jobs.transitions import dependents_of
from torc_server.db.queries.records.base import json_field_equals
from torc_server.db.queries.records.workflows import WorkflowState, begin_run, count_jobs
from torc_server.db.queries.triage import recovery as queries
from torc_server.db.queries.triage.recovery import FailedJob
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.transitions import reset
from torc_server.services.records.base import slice_of
from torc_server.services.records.events import EVENTS, store_event
from torc_server.services.records.lookup import find_open_workflow, find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.services.triage.recovery_decisions import keep_decisions, refusals
from torc_server.services.triage.scale_resources import Raise, raise_requirements

_SHOWN_REASONS: Final = 5
_EVENT: Final = {"category": "user_action", "action": "apply_recovery"}


def apply_recovery(uow: UnitOfWork, workflow_id: int, request: ApplyRecoveryRequest) -> ApplyRecoveryResponse:
    """Send the plan's jobs and everything that depends on them into a new run, with more where the plan says so.

    Skipped are jobs that are no longer in the failed attempt of the plan, that somebody decided to fail, or that
    agents may not send back any more. Raises StateConflictError when the workflow has moved on to another run, is
    archived, has active jobs, or when no job of the plan is left.
    """
    workflow = find_open_workflow(uow, workflow_id)
    if (answer := _earlier_answer(uow, workflow, request)) is not None:
        return answer
    _check_state(uow, workflow, request.run_id)
    planned = {retry.job_id: _normalized(retry) for retry in request.retries}
    found = queries.failed_jobs(uow, planned)
    skipped = refusals(uow, workflow, request, found)
    jobs = {job_id: job for job_id, job in found.items() if job_id not in skipped}
    if not jobs:
        raise StateConflictError(
            f"none of the {len(planned)} jobs to recover in workflow {workflow_id} can be retried: "
            + "; ".join(sorted(set(skipped.values()))[:_SHOWN_REASONS]),
            hint=Hint("`{}` shows where it stands", torc("status", workflow_id)),
            ids={"workflow_id": workflow_id},
        )
    keep_decisions(uow, workflow, request, jobs)
    raise_requirements(uow, workflow_id, _raises(jobs, planned))
    begin_run(uow, workflow_id)
    dependents = set(dependents_of(uow, list(jobs))) - set(jobs)
    reset(uow, list(jobs))
    reset(uow, dependents)
    ready_count = initialize_jobs(uow, workflow_id, only_uninitialized=True).ready_count
    queries.write_faults(
        uow,
        ((job.infrastructure_faults + 1, job.id) for job in jobs.values() if planned[job.id].is_infrastructure_fault),
    )
    run_id = workflow.run_id + 1
    event = {"user": request.requested_by, "run_id": run_id, "dependents_reset": len(dependents)}
    changes = _describe([planned[job_id] for job_id in jobs])
    answer = ApplyRecoveryResponse(
        workflow_id=workflow_id,
        run_id=run_id,
        reset_count=len(jobs),
        dependents_reset=len(dependents),
        ready_count=ready_count,
        skipped_job_ids=sorted(skipped),
        skipped=[SkippedRetry(job_id=job_id, reason=skipped[job_id]) for job_id in sorted(skipped)],
    )
    # the answer is kept with the key: sent once more, the request finds it in the run that it has begun
    kept = {} if request.key is None else {"key": request.key, "answer": answer.model_dump(mode="json")}
    store_event(uow, workflow_id, {**_EVENT, **event, "changes": changes, **kept})
    return answer


def _earlier_answer(
    uow: UnitOfWork, workflow: WorkflowState, request: ApplyRecoveryRequest
) -> ApplyRecoveryResponse | None:
    """Return the answer that the request got before; None for one that is new, or has no key."""
    if request.key is None or workflow.run_id == request.run_id:
        return None
    columns = EVENTS.store.table.c
    is_same = [columns.workflow_id == workflow.id, json_field_equals(columns.data, "key", request.key)]
    for row in EVENTS.store.find(uow, is_same):
        if row["data"].items() >= _EVENT.items():
            return ApplyRecoveryResponse.model_validate(row["data"]["answer"])
    return None


def list_evidence(
    uow: UnitOfWork,
    workflow_id: int,
    page: PageRequest,
    *,
    statuses: Collection[JobStatus],
    only_latest: bool,
    with_texts: bool,
) -> Page[EvidenceModel]:
    """Return the evidence of the jobs that are in one of `statuses` now, of their newest attempt or of all."""
    find_workflow(uow, workflow_id)
    rows, total = queries.list_evidence(
        uow,
        workflow_id,
        slice_of(page, ()),
        statuses=statuses or RESETTABLE_FAILURES,
        only_latest=only_latest,
        with_texts=with_texts,
    )
    items = [
        EvidenceModel(
            workflow_id=workflow_id,
            job_id=row.job_id,
            job_name=row.job_name,
            run_id=row.run_id,
            attempt_id=row.attempt_id,
            evidence=Evidence.model_validate_json(row.data),
        )
        for row in rows
    ]
    return page.page(items, total=total)


def _check_state(uow: UnitOfWork, workflow: WorkflowState, run_id: int) -> None:
    ids = {"workflow_id": workflow.id, "run_id": workflow.run_id}
    if workflow.run_id != run_id:
        raise StateConflictError(
            f"workflow {workflow.id} is in run {workflow.run_id} by now; this recovery was planned for run {run_id}",
            hint=Hint("another recovery or reset was faster: `{}` shows where it stands", torc("status", workflow.id)),
            ids=ids,
        )
    active = sum(count for status, count in count_jobs(uow, workflow.id).items() if status in ACTIVE)
    if active:
        raise StateConflictError(
            f"{active} job(s) of workflow {workflow.id} are pending or running",
            hint=Hint(
                "wait until they end; where their runner is gone, `{}` reclaims them",
                torc("workflows sync-status", workflow.id),
            ),
            ids=ids,
        )


def _normalized(retry: PlannedRetry) -> PlannedRetry:
    """Return the plan with its amounts in one spelling. Raises InvalidInputError for what is no amount."""
    memory = None if retry.memory is None else format_memory(parse_memory(retry.memory))
    runtime = None if retry.runtime is None else format_duration(parse_duration(retry.runtime))
    return retry.model_copy(update={"memory": memory, "runtime": runtime})


def _raises(jobs: Mapping[int, FailedJob], planned: Mapping[int, PlannedRetry]) -> dict[Raise, list[int]]:
    """Return the jobs that get more, by their requirement and the new amounts."""
    groups: defaultdict[Raise, list[int]] = defaultdict(list)
    for job in jobs.values():
        retry = planned[job.id]
        if retry.memory is not None or retry.runtime is not None:
            groups[Raise(job.requirement_id, retry.memory, retry.runtime)].append(job.id)
    return groups


def _describe(retries: Sequence[PlannedRetry]) -> list[dict[str, Any]]:
    """Return one entry for all jobs that are retried alike and for the same reason."""
    groups: defaultdict[tuple[str, str | None, str | None], list[int]] = defaultdict(list)
    for retry in retries:
        groups[retry.reason, retry.memory, retry.runtime].append(retry.job_id)
    return [
        {"reason": reason, "memory": memory, "runtime": runtime, "job_ids": job_ids}
        for (reason, memory, runtime), job_ids in groups.items()
    ]
