"""Gives jobs that wait more memory or runtime, because of what their started siblings lacked."""

from torc_core.api.recovery import PlannedRaise, RaiseWaitingRequest, RaiseWaitingResponse
from torc_core.errors import InvalidInputError, StateConflictError
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.hints import Hint, torc
from torc_core.recovery.foresight import WAITING
from torc_core.resources.duration import format_duration, parse_duration
from torc_core.resources.memory import format_memory, parse_memory
from torc_server.db.queries.triage import recovery as queries
from torc_server.db.queries.triage.recovery import Amounts
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.events import store_event
from torc_server.services.records.lookup import find_open_workflow
from torc_server.services.triage.scale_resources import Raise, raise_requirements


def raise_waiting_jobs(uow: UnitOfWork, workflow_id: int, request: RaiseWaitingRequest) -> RaiseWaitingResponse:
    """Give the jobs clones of their requirement with more; those that were started meanwhile are left as they are.

    Raises StateConflictError when the workflow has moved on to another run or is archived, InvalidInputError for raises
    without an amount.
    """
    workflow = find_open_workflow(uow, workflow_id)
    if workflow.run_id != request.run_id:
        raise StateConflictError(
            f"workflow {workflow.id} is in run {workflow.run_id} by now; these raises were planned for run "
            f"{request.run_id}",
            hint=Hint("`{}` shows where it stands", torc("status", workflow.id)),
            ids={"workflow_id": workflow.id, "run_id": workflow.run_id},
        )
    known = queries.requirements(uow, workflow_id)
    raised: list[int] = []
    changes: list[dict[str, object]] = []
    for place, planned in enumerate(request.raises):
        amount = _normalized(planned, place)
        # in this transaction, that begins with the write lock: no runner can claim one of them in between
        waiting = _still_waiting(uow, workflow_id, planned)
        if not waiting or not _is_more(amount, known.get(planned.resource_requirements_id)):
            continue
        raise_requirements(uow, workflow_id, {amount: waiting})
        raised += waiting
        changes.append(
            {"reason": planned.reason, "memory": amount.memory, "runtime": amount.runtime, "job_ids": waiting}
        )
    if changes:
        event = {"user": request.requested_by, "run_id": workflow.run_id, "changes": changes}
        store_event(uow, workflow_id, {"category": "user_action", "action": "raise_waiting", **event})
        uow.touch(workflow_id)
    skipped = {job_id for planned in request.raises for job_id in planned.job_ids} - set(raised)
    return RaiseWaitingResponse(workflow_id=workflow_id, raised=len(raised), skipped_job_ids=sorted(skipped))


def _still_waiting(uow: UnitOfWork, workflow_id: int, planned: PlannedRaise) -> list[int]:
    found = queries.failed_jobs(uow, planned.job_ids)
    return [
        job.id
        for job in found.values()
        if job.workflow_id == workflow_id
        and job.status in WAITING
        and job.attempt_id == 1
        and job.requirement_id == planned.resource_requirements_id
    ]


def _normalized(planned: PlannedRaise, place: int) -> Raise:
    if planned.memory is None and planned.runtime is None:
        raise InvalidInputError(f"raises.{place} names neither memory nor runtime", hint="name what is to be raised")
    memory = None if planned.memory is None else format_memory(parse_memory(planned.memory))
    runtime = None if planned.runtime is None else format_duration(parse_duration(planned.runtime))
    return Raise(planned.resource_requirements_id, memory, runtime)


def _is_more(amount: Raise, now: tuple[str, Amounts] | None) -> bool:
    """Return whether every amount named is above the present one, which must be stated."""
    if now is None or now[0] == UNSPECIFIED_REQUIREMENT:
        return False
    has = now[1]
    return (amount.memory is None or parse_memory(amount.memory) > has.memory_bytes > 0) and (
        amount.runtime is None or parse_duration(amount.runtime) > has.runtime_s > 0
    )
