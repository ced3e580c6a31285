"""Undoes decisions before anything ran because of them: their jobs wait for a decision again."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from torc_core.api.failures import UndoneJob, UndoRequest, UndoResponse
from torc_core.errors import ForbiddenError, NotFoundError
from torc_core.evidence.redaction import redact_secrets
from torc_core.hints import Hint, torc
from torc_core.jobs.lifecycle import Event
from torc_core.jobs.status import JobStatus
from torc_server.db.queries.jobs import transitions
from torc_server.db.queries.triage import decisions as queries
from torc_server.db.queries.triage.decisions import LatestDecision
from torc_server.db.queries.triage.recovery import assign_requirement
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs import triggers
from torc_server.services.jobs.announcements import announce_status
from torc_server.services.jobs.transitions import apply_event, hold_back
from torc_server.services.records.events import store_event
from torc_server.services.records.lookup import find_open_workflow
from torc_server.services.records.partly_ready_actions import make_partly_ready_due

_NOT_STARTED: Final = (JobStatus.READY, JobStatus.BLOCKED)


def undo(uow: UnitOfWork, workflow_id: int, request: UndoRequest) -> UndoResponse:
    """Undo the newest decisions on jobs that nothing ran for since; all in one transaction, kept and announced.

    Raises ForbiddenError unless a person asks, NotFoundError when no decision is meant.
    """
    if request.actor.kind != "person":
        raise ForbiddenError(
            "only a person undoes decisions",
            hint=Hint("a person can: {}", torc("failures undo", workflow_id)),
            ids={"workflow_id": workflow_id},
        )
    workflow = find_open_workflow(uow, workflow_id)
    found = queries.latest_decisions(uow, workflow_id, proposal_id=request.proposal_id, job_ids=request.job_ids)
    if not found:
        raise NotFoundError(
            f"workflow {workflow_id} has no decision to undo here",
            hint=Hint("its decisions: {}", torc("failures decisions", workflow_id)),
            ids={"workflow_id": workflow_id},
        )
    begun = queries.begun_behind(uow, [each.job_id for each in found if each.action == "fail"])
    reasons = {each.id: _why_not(each, begun) for each in found}
    chosen = [each for each in found if reasons[each.id] is None]
    _restore(uow, workflow_id, chosen)
    queries.mark_undone(uow, [each.id for each in chosen], by=request.actor)
    data = {
        "by": request.actor.model_dump(exclude_none=True),
        "undone": len(chosen),
        "skipped": len(found) - len(chosen),
        "proposal_id": request.proposal_id,
        "reason": None if request.reason is None else redact_secrets(request.reason),
    }
    store_event(uow, workflow_id, {"category": "failure_decision", "event_type": "decisions_undone", **data})
    uow.announce(workflow_id, "decisions_undone", severity="info", data=data)
    names = [(each.job_id, each.job_name) for each in chosen]
    announce_status(uow, workflow_id, JobStatus.PENDING_FAILED, names, run_id=workflow.run_id)
    uow.touch(workflow_id)
    return UndoResponse(
        workflow_id=workflow_id,
        undone=len(chosen),
        skipped=len(found) - len(chosen),
        jobs=[
            UndoneJob(
                job_id=each.job_id,
                job_name=each.job_name,
                decision_id=each.id,
                status="undone" if reasons[each.id] is None else "skipped",
                detail=reasons[each.id],
            )
            for each in found
        ],
    )


def _why_not(decision: LatestDecision, begun: Collection[int]) -> str | None:
    """Return why the decision stays, None where it can be undone."""
    if not decision.is_of_this_run:
        return "it was decided in an earlier run"
    if decision.action == "fail":
        if decision.status is not JobStatus.FAILED or decision.present_attempt != decision.attempt_id:
            return f"the job moved on: it is {decision.status}"
        return "a job that depends on it was claimed since" if decision.job_id in begun else None
    if decision.old_requirements_id is None:
        return "a recovery sent it back"
    # A claim may be about to start the attempt, and its log may exist: then the number must not be used again.
    if decision.last_attempt > decision.attempt_id or decision.present_attempt != decision.attempt_id + 1:
        return f"a runner claimed its next attempt: it is {decision.status}"
    return None if decision.status in _NOT_STARTED else f"the job moved on: it is {decision.status}"


def _restore(uow: UnitOfWork, workflow_id: int, chosen: Sequence[LatestDecision]) -> None:
    """Move the jobs back to pending_failed; what their failure canceled or released waits for them again."""
    job_ids = [each.job_id for each in chosen]
    failed = [each.job_id for each in chosen if each.action == "fail"]
    reopened = apply_event(uow, Event.REOPEN, transitions.canceled_behind(uow, failed)) if failed else []
    apply_event(uow, Event.UNDO, job_ids)
    queries.restore_attempts(uow, chosen)
    for requirement_id, members in _by_requirement(chosen).items():
        assign_requirement(uow, members, requirement_id)
    if reopened:
        # Another failed dependency may cancel them all the same.
        still = transitions.dependents_to_cancel(uow, transitions.dependencies_of(uow, reopened))
        apply_event(uow, Event.CANCEL_DEPENDENT, still)
    hold_back(uow, [*failed, *reopened])
    triggers.on_undone(uow, workflow_id, [*failed, *reopened])
    make_partly_ready_due(uow, workflow_id)


def _by_requirement(chosen: Sequence[LatestDecision]) -> Mapping[int, list[int]]:
    """Return the jobs by the requirement that they had; where it was deleted since, they keep their present one."""
    jobs: defaultdict[int, list[int]] = defaultdict(list)
    for each in chosen:
        if each.old_requirements_id is not None:
            jobs[each.old_requirements_id].append(each.job_id)
    return jobs
