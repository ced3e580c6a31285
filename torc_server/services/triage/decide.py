"""Decisions on failures that wait for one: applied at once, kept with who decided, why, and the outcome."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from torc_core.api.base import Page
from torc_core.api.failures import (
    Actor,
    ClassifiedJob,
    ClassifyRequest,
    ClassifyResponse,
    DecisionModel,
)
from torc_core.errors import InvalidInputError
from torc_core.jobs.lifecycle import Event
from torc_core.jobs.status import JobStatus
from torc_core.recovery.decision import JobFacts
from torc_server.db.queries.jobs.jobs import job_states
from torc_server.db.queries.records.workflows import WorkflowState
from torc_server.db.queries.triage import decisions as queries
from torc_server.db.queries.triage.decisions import DecisionFilter as DecisionFilter
from torc_server.db.queries.triage.decisions import NewDecision
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.announcements import announce_status
from torc_server.services.jobs.dependents import finish
from torc_server.services.jobs.retry import note_retries
from torc_server.services.jobs.transitions import apply_event, send_back
from torc_server.services.records.base import slice_of
from torc_server.services.records.events import store_event
from torc_server.services.records.lookup import find_open_workflow, find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.records.partly_ready_actions import make_partly_ready_due
from torc_server.services.triage.plan import count, plan_request
from torc_server.services.triage.scale_resources import Raise, raise_requirements


def decide(uow: UnitOfWork, workflow_id: int, request: ClassifyRequest) -> ClassifyResponse:
    """Apply the decisions at once; jobs that moved on, or whose bound is reached, are skipped with the reason."""
    workflow = find_open_workflow(uow, workflow_id)
    planned = plan_request(uow, workflow, request, decider=request.actor)
    applied = apply_plan(uow, workflow, planned.jobs, actor=request.actor)
    note_decisions(uow, workflow_id, "failures_decided", applied, by=request.actor)
    return answer(workflow_id, applied, left=planned.left)


def preview(uow: UnitOfWork, workflow_id: int, request: ClassifyRequest) -> ClassifyResponse:
    """Return what `decide` would do now. Only reads."""
    if request.proposal_id is not None:
        raise InvalidInputError("a proposal is its own preview", hint="read the proposal")
    workflow = find_open_workflow(uow, workflow_id)
    planned = plan_request(uow, workflow, request, decider=request.actor)
    return answer(workflow_id, planned.jobs, left=planned.left)


def list_decisions(
    uow: UnitOfWork, workflow_id: int, page: PageRequest, wanted: DecisionFilter | None = None
) -> Page[DecisionModel]:
    """Return the decisions that meet the conditions, oldest first, with their present outcomes."""
    find_workflow(uow, workflow_id)
    decisions, total = queries.list_decisions(uow, workflow_id, slice_of(page, ()), wanted)
    return page.page(decisions, total=total)


def apply_plan(
    uow: UnitOfWork,
    workflow: WorkflowState,
    planned: Sequence[ClassifiedJob],
    *,
    actor: Actor,
    approved_by: Actor | None = None,
    proposal_id: int | None = None,
) -> list[ClassifiedJob]:
    """Move the jobs of the plan that are not skipped and store a decision for each; return the plan as applied."""
    applied = [job.model_copy(update={"status": "applied"}) for job in planned if job.status != "skipped"]
    retried = [job for job in applied if job.action == "retry"]
    failed = [job for job in applied if job.action == "fail"]
    before = queries.job_facts(uow, [job.job_id for job in retried])
    _retry(uow, workflow, retried)
    _give_up(uow, workflow, failed)
    decider = approved_by or actor
    queries.write_decisions(
        uow,
        (
            NewDecision(
                workflow_id=workflow.id,
                job_id=job.job_id,
                run_id=job.run_id,
                attempt_id=job.attempt_id,
                signature=job.signature,
                action=job.action,
                reason=job.reason,
                memory=job.memory,
                runtime=job.runtime,
                actor=actor.model_dump_json(),
                decided_by_kind=decider.kind,
                approved_by=None if approved_by is None else approved_by.model_dump_json(),
                proposal_id=proposal_id,
                decided_at=uow.now_text,
                old_requirements_id=before[job.job_id].requirement_id if job.job_id in before else None,
            )
            for job in applied
        ),
    )
    done = {job.job_id: job for job in applied}
    return [done.get(job.job_id, job) for job in planned]


def answer(
    workflow_id: int,
    jobs: list[ClassifiedJob],
    *,
    proposal_id: int | None = None,
    left: Mapping[str, int] = MappingProxyType({}),
) -> ClassifyResponse:
    """Return the answer to a request. `left` counts the jobs of each signature beyond the limit of one call."""
    counts = count(jobs)
    return ClassifyResponse(
        workflow_id=workflow_id,
        proposal_id=proposal_id,
        jobs_to_retry=counts.retry,
        jobs_to_fail=counts.fail,
        jobs_skipped=counts.skipped,
        jobs=jobs,
        remaining=sum(left.values()),
        remaining_signatures=sorted(left),
    )


def note_decisions(
    uow: UnitOfWork, workflow_id: int, what: str, jobs: Sequence[ClassifiedJob], *, by: Actor, **facts: object
) -> None:
    """Store one event for all decisions together, and announce it to the event streams."""
    counts = count(jobs)
    data = {
        "by": by.model_dump(exclude_none=True),
        "jobs_to_retry": counts.retry,
        "jobs_to_fail": counts.fail,
        "jobs_skipped": counts.skipped,
        **facts,
    }
    store_event(uow, workflow_id, {"category": "failure_decision", "event_type": what, **data})
    uow.announce(workflow_id, what, severity="info", data=data)


def _retry(uow: UnitOfWork, workflow: WorkflowState, jobs: Sequence[ClassifiedJob]) -> None:
    """Move the jobs to ready with the next attempt of the same run; amounts change for these jobs only."""
    if not jobs:
        return
    job_ids = [job.job_id for job in jobs]
    before = job_states(uow, job_ids)
    facts = queries.job_facts(uow, job_ids)
    raise_requirements(uow, workflow.id, _raises(jobs, facts))
    send_back(uow, job_ids)
    note_retries(uow, [(before[job_id], workflow.run_id) for job_id in job_ids])
    make_partly_ready_due(uow, workflow.id)
    names = [(job.job_id, job.job_name) for job in jobs]
    announce_status(uow, workflow.id, JobStatus.READY, names, run_id=workflow.run_id)
    uow.touch(workflow.id)


def _raises(jobs: Sequence[ClassifiedJob], facts: dict[int, JobFacts]) -> dict[Raise, list[int]]:
    groups: defaultdict[Raise, list[int]] = defaultdict(list)
    for job in jobs:
        if job.memory or job.runtime:
            groups[Raise(facts[job.job_id].requirement_id, job.memory, job.runtime)].append(job.job_id)
    return groups


def _give_up(uow: UnitOfWork, workflow: WorkflowState, jobs: Sequence[ClassifiedJob]) -> None:
    """Move the jobs to failed; what depends on them is released or canceled."""
    if not jobs:
        return
    job_ids = apply_event(uow, Event.GIVE_UP, [job.job_id for job in jobs])
    names = [(job.job_id, job.job_name) for job in jobs]
    announce_status(uow, workflow.id, JobStatus.FAILED, names, run_id=workflow.run_id)
    finish(uow, workflow.id, job_ids)
