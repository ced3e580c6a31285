"""Decides which jobs a recovery may not retry, and stores decisions for retries that no person asked for."""

from collections.abc import Iterator, Mapping
from typing import Final

from torc_core.api.failures import DEFAULT_MAX_AI_RETRIES, Actor
from torc_core.api.recovery import ApplyRecoveryRequest, PlannedRetry
from torc_core.errors import InvalidInputError
from torc_core.evidence.redaction import redact_secrets
from torc_core.jobs.status import RESETTABLE_FAILURES
from torc_core.recovery.decision import why_at_limit
from torc_server.db.queries.records.base import Slice
from torc_server.db.queries.records.workflows import WorkflowState
from torc_server.db.queries.triage import decisions
from torc_server.db.queries.triage import failures as queries_failures
from torc_server.db.queries.triage.decisions import DecisionFilter, NewDecision
from torc_server.db.queries.triage.recovery import FailedJob
from torc_server.db.unit_of_work import UnitOfWork

_ALL: Final = Slice(0, -1, "id", descending=False)
_HEURISTICS: Final = "recovery"
"""The decider of a retry whose cause is known; it counts neither against bounds nor in the history."""


def refusals(
    uow: UnitOfWork, workflow: WorkflowState, request: ApplyRecoveryRequest, jobs: Mapping[int, FailedJob]
) -> dict[int, str]:
    """Return why jobs of the plan stay as they are, by id. Raises InvalidInputError for a job of another workflow."""
    for job in jobs.values():
        if job.workflow_id != workflow.id:
            raise InvalidInputError(
                f"job {job.id} is of workflow {job.workflow_id}, not of {workflow.id}",
                ids={"job_id": job.id, "workflow_id": workflow.id},
            )
    standing, _ = decisions.list_decisions(uow, workflow.id, _ALL, DecisionFilter(only_standing=True))
    given_up = {decision.job_id: decision.why_given_up for decision in standing}
    need_decision = [retry.job_id for retry in request.retries if not retry.is_mechanical]
    has_bound = _decider(request) is not None
    retries = decisions.retries_without_people(uow, need_decision) if has_bound else {}
    limit = DEFAULT_MAX_AI_RETRIES if request.max_ai_retries is None else request.max_ai_retries
    found: dict[int, str] = {}
    for retry in request.retries:
        count = retries.get(retry.job_id, 0)
        if retry.job_id in given_up:
            found[retry.job_id] = given_up[retry.job_id]
        elif not _is_in(jobs.get(retry.job_id), retry):
            found[retry.job_id] = "it is no longer in the failed attempt that the plan names"
        elif has_bound and not retry.is_mechanical and count >= limit:
            found[retry.job_id] = why_at_limit(count, limit)
    return found


def keep_decisions(
    uow: UnitOfWork, workflow: WorkflowState, request: ApplyRecoveryRequest, jobs: Mapping[int, FailedJob]
) -> None:
    """Store a decision for each of these jobs, unless a person recovers. Called while they are still failed."""
    actor = _decider(request)
    if actor is not None:
        decisions.write_decisions(uow, _decisions(uow, workflow, request, jobs, actor=actor))


def _decisions(
    uow: UnitOfWork,
    workflow: WorkflowState,
    request: ApplyRecoveryRequest,
    jobs: Mapping[int, FailedJob],
    *,
    actor: Actor,
) -> Iterator[NewDecision]:
    failed = queries_failures.failures(uow, workflow.id, RESETTABLE_FAILURES)
    signatures = {failure.job_id: failure.signature for failure in failed}
    for retry in request.retries:
        if retry.job_id in jobs:
            yield NewDecision(
                workflow_id=workflow.id,
                job_id=retry.job_id,
                run_id=workflow.run_id,
                attempt_id=retry.attempt_id,
                signature=signatures.get(retry.job_id),
                action="retry",
                reason=redact_secrets(retry.reason),
                memory=retry.memory,
                runtime=retry.runtime,
                actor=actor.model_dump_json(),
                decided_by_kind=_HEURISTICS if retry.is_mechanical else actor.kind,
                approved_by=None,
                proposal_id=None,
                decided_at=uow.now_text,
                old_requirements_id=None,
            )


def _decider(request: ApplyRecoveryRequest) -> Actor | None:
    """Return who recovers, None for a person."""
    return None if request.actor is None or request.actor.kind == "person" else request.actor


def _is_in(job: FailedJob | None, retry: PlannedRetry) -> bool:
    return job is not None and job.status in RESETTABLE_FAILURES and job.attempt_id == retry.attempt_id
