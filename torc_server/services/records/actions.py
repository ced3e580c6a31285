"""Workflow actions: stored, listed, and claimed by whoever carries them out."""

from collections.abc import Collection, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from torc_core.api.actions import (
    JOB_TRIGGERS,
    ActionState,
    ClaimActionRequest,
    ClaimActionResponse,
    FinishActionRequest,
    TriggerType,
    WorkflowActionModel,
)
from torc_core.errors import AlreadyTakenError, InvalidInputError, NotFoundError, StateConflictError
from torc_core.hints import Hint, torc
from torc_server.db.queries.jobs.triggers import count_anew
from torc_server.db.queries.records import actions as queries
from torc_server.db.queries.runs.create import foreign_ids
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.lookup import find_runner, find_workflow

_TRIGGERS: Final = frozenset(get_args(TriggerType))


class _RunCommands(BaseModel):
    model_config = ConfigDict(extra="forbid")

    commands: list[str] = Field(min_length=1)


class _ScheduleNodes(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scheduler_id: int | None = None
    scheduler_type: str | None = None
    num_allocations: int | None = Field(default=None, ge=1)
    start_one_worker_per_node: bool | None = None
    max_parallel_jobs: int | None = Field(default=None, ge=1)
    serialize_allocations: bool | None = None
    max_at_once: int | None = Field(default=None, ge=1)


_CONFIGS: Final[dict[str, type[BaseModel]]] = {"run_commands": _RunCommands, "schedule_nodes": _ScheduleNodes}


def create_action(uow: UnitOfWork, workflow_id: int, action: WorkflowActionModel) -> WorkflowActionModel:
    """Create the action. The server decides how often it must be triggered: once, or once for each gating job."""
    find_workflow(uow, workflow_id)
    check_action(action)
    job_ids = sorted(set(action.job_ids or ()))
    if foreign := foreign_ids(uow, "job", workflow_id, job_ids):
        raise InvalidInputError(
            f"the action waits for jobs that workflow {workflow_id} does not have: {foreign[:10]}",
            hint=Hint("`{}` shows its jobs", torc("jobs list", workflow_id)),
            ids={"workflow_id": workflow_id},
        )
    row = queries.ACTIONS.insert(
        uow,
        {
            "workflow_id": workflow_id,
            "trigger_type": action.trigger_type,
            "action_type": action.action_type,
            "action_config": action.action_config,
            "trigger_count": 0,
            "required_triggers": len(job_ids) if job_ids and action.trigger_type in JOB_TRIGGERS else 1,
            "executed": False,
            "persistent": bool(action.persistent),
            "is_recovery": bool(action.is_recovery),
            "retry": action.retry,
        },
    )
    if job_ids:
        queries.insert_gates(uow, row["id"], job_ids)
    if queries.any_begun(uow, job_ids):
        count_anew(uow, workflow_id)  # a job that is ready already will not become ready again
        row = queries.ACTIONS.get(uow, row["id"]) or row
    return _model({**row, "job_ids": job_ids or None})


def check_action(action: WorkflowActionModel) -> None:
    """Check trigger, type and configuration. Raises InvalidInputError for one that cannot be carried out."""
    if action.trigger_type not in _TRIGGERS:
        raise InvalidInputError(
            f"trigger_type {action.trigger_type!r} is unknown", hint=f"use one of {', '.join(sorted(_TRIGGERS))}"
        )
    config = _CONFIGS.get(action.action_type)
    if config is None:
        raise InvalidInputError(
            f"action_type {action.action_type!r} is unknown", hint=f"use one of {', '.join(sorted(_CONFIGS))}"
        )
    try:
        config.model_validate(action.action_config)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in ("action_config", *first["loc"]))
        raise InvalidInputError(f"{action.action_type}: {place}: {first['msg']}") from error


def list_actions(uow: UnitOfWork, workflow_id: int) -> list[WorkflowActionModel]:
    find_workflow(uow, workflow_id)
    return [_model(row) for row in queries.list_actions(uow, workflow_id)]


def pending_actions(
    uow: UnitOfWork, workflow_id: int, trigger_types: Sequence[str], *, compute_node_id: int | None = None
) -> list[WorkflowActionModel]:
    """Return the actions that are triggered and not claimed; no trigger types means any.

    With a runner also what it has claimed and not finished.
    """
    find_workflow(uow, workflow_id)
    conditions = queries.is_pending(trigger_types, compute_node_id=compute_node_id)
    return [_model(row) for row in queries.list_actions(uow, workflow_id, conditions)]


def claim_action(uow: UnitOfWork, workflow_id: int, action_id: int, request: ClaimActionRequest) -> ClaimActionResponse:
    """Claim the action for one caller, a persistent one for each caller.

    The same named claim may be made again, as its answer may have been lost. Raises AlreadyTakenError, and
    StateConflictError for a runner that counts as gone: it would carry out what another one carries out too.
    """
    row = _find(uow, workflow_id, action_id)
    if request.claim is not None and request.compute_node_id is not None:
        find_runner(uow, workflow_id, request.compute_node_id)
    is_repeated = request.claim is not None and row["claim"] == request.claim
    if not is_repeated and not queries.mark_claimed(
        uow, action_id, compute_node_id=request.compute_node_id, claim=request.claim, replaces=request.replaces
    ):
        raise AlreadyTakenError(
            f"action {action_id} of workflow {workflow_id} is claimed already", ids=_ids(workflow_id, action_id)
        )
    return ClaimActionResponse(action_id=action_id, success=True)


def finish_action(
    uow: UnitOfWork, workflow_id: int, action_id: int, request: FinishActionRequest
) -> WorkflowActionModel:
    """Store how a claimed action ended; the same end again changes nothing.

    Raises StateConflictError when the claim is not the present one: its runner was taken for lost.
    """
    row = _find(uow, workflow_id, action_id)
    if row["claim"] != request.claim and not row["persistent"]:
        raise StateConflictError(
            f"action {action_id} of workflow {workflow_id} is no longer claimed by this runner",
            ids=_ids(workflow_id, action_id),
        )
    is_repeated = row["claim"] == request.claim and row["finished_at"] is not None
    # every runner carries out a persistent action: a success of one must not hide the failure of another
    hides_failure = row["persistent"] and row["outcome"] == "failed" and request.outcome != "failed"
    if not is_repeated and not hides_failure:
        queries.mark_finished(uow, action_id, request.model_dump(include={"outcome", "return_code", "failure", "log"}))
        if request.outcome != "succeeded":
            _announce(uow, row, request.outcome, request.failure)
    return _model(queries.ACTIONS.get(uow, action_id) or row)


def release_actions(uow: UnitOfWork, compute_node_ids: Collection[int]) -> None:
    """Make the unfinished actions of runners that are gone due again; those without `retry` become unknown."""
    for row in queries.release_unfinished(uow, compute_node_ids):
        _announce(uow, row, "unknown", "its runner is gone")


def _find(uow: UnitOfWork, workflow_id: int, action_id: int) -> dict[str, Any]:
    row = queries.ACTIONS.get(uow, action_id)
    if row is None or row["workflow_id"] != workflow_id:
        raise NotFoundError(f"workflow {workflow_id} has no action {action_id}", ids=_ids(workflow_id, action_id))
    return row


def _ids(workflow_id: int, action_id: int) -> dict[str, int]:
    return {"workflow_id": workflow_id, "action_id": action_id}


def _announce(uow: UnitOfWork, row: dict[str, Any], outcome: str, failure: str | None) -> None:
    data = {"action_id": row["id"], "trigger_type": row["trigger_type"], "failure": failure}
    uow.announce(row["workflow_id"], f"action_{outcome}", severity="error", data=data)


def _state(row: dict[str, Any]) -> ActionState:
    if row["outcome"] in ("failed", "unknown"):
        return "failed" if row["outcome"] == "failed" else "unknown"
    if row["executed"]:
        return "claimed" if row["finished_at"] is None else "executed"
    return "pending" if row["trigger_count"] >= row["required_triggers"] else "waiting"


def _model(row: dict[str, Any]) -> WorkflowActionModel:
    retry = row["retry"] is not False
    return WorkflowActionModel.model_validate({**row, "retry": retry, "state": _state(row)})
