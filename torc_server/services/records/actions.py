"""Workflow actions: stored, listed, and claimed by whoever carries them out."""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from torc_core.api.actions import (
    END_TRIGGERS,
    JOB_TRIGGERS,
    RUN_COMMANDS,
    SCHEDULE_NODES,
    ActionState,
    ClaimActionRequest,
    ClaimActionResponse,
    FinishActionRequest,
    TriggerType,
    WorkflowActionModel,
)
from torc_core.errors import AlreadyTakenError, InvalidInputError, NotFoundError, StateConflictError
from torc_core.hints import Hint, torc
from torc_server.db.queries.jobs.runners import node_states
from torc_server.db.queries.jobs.triggers import count_anew, has_actions
from torc_server.db.queries.records import actions as queries
from torc_server.db.queries.records.lookup import foreign_ids
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.events import store_event
from torc_server.services.records.foreign import RUNNERS, SCHEDULERS, refuse_foreign
from torc_server.services.records.lookup import find_runner, find_workflow
from torc_server.services.records.partly_ready_actions import make_partly_ready_due

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


_CONFIGS: Final[dict[str, type[BaseModel]]] = {RUN_COMMANDS: _RunCommands, SCHEDULE_NODES: _ScheduleNodes}


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
    if isinstance(action.action_config, dict):
        scheduler_id = action.action_config.get("scheduler_id")
        refuse_foreign(uow, workflow_id, "action_config.scheduler_id", SCHEDULERS, [scheduler_id])
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
        # a job that is ready already will not become ready again
        count_anew(uow, workflow_id, action_id=row["id"])
        make_partly_ready_due(uow, workflow_id, may_lack_nodes=False)
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


class OpenActions(NamedTuple):
    """How many actions are due and not claimed, those with commands and those for allocations, and how many failed."""

    due_commands: int = 0
    due_allocations: int = 0
    failed: int = 0


def count_open_actions(uow: UnitOfWork, workflow_id: int, *, is_canceled: bool) -> OpenActions:
    """Count what is due and what failed.

    Of a canceled workflow only what follows its end is due. An action that every runner repeats is never due here.
    """
    if not has_actions(uow, workflow_id):
        return OpenActions()
    rows = queries.list_actions(uow, workflow_id)
    due = [
        row["action_type"]
        for row in rows
        if _state(row) == "pending"
        and not row["persistent"]
        and (not is_canceled or row["trigger_type"] in END_TRIGGERS)
    ]
    failed = sum(_state(row) == "failed" for row in rows)
    return OpenActions(due.count(RUN_COMMANDS), due.count(SCHEDULE_NODES), failed)


def claim_action(uow: UnitOfWork, workflow_id: int, action_id: int, request: ClaimActionRequest) -> ClaimActionResponse:
    """Claim the action for one caller, a persistent one for each caller.

    The same named claim may be made again, as its answer may have been lost. Raises AlreadyTakenError, and
    StateConflictError for a runner that counts as gone: it would carry out what another one carries out too.
    """
    row = _find(uow, workflow_id, action_id)
    if request.claim is not None and request.compute_node_id is not None:
        find_runner(uow, workflow_id, request.compute_node_id)
    # its end would make the action due again
    refuse_foreign(uow, workflow_id, "compute_node_id", RUNNERS, [request.compute_node_id])
    is_repeated = request.claim is not None and row["claim"] == request.claim
    is_own_share = row["persistent"] and request.claim is not None and request.compute_node_id is not None
    if is_own_share and not queries.claim_persistent(uow, action_id, request.compute_node_id or 0, request.claim):
        raise AlreadyTakenError(
            f"runner {request.compute_node_id} has had action {action_id} of workflow {workflow_id} already",
            ids=_ids(workflow_id, action_id),
        )
    if not is_repeated and not queries.mark_claimed(
        uow, action_id, compute_node_id=request.compute_node_id, claim=request.claim, replaces=request.replaces
    ):
        raise AlreadyTakenError(
            f"action {action_id} of workflow {workflow_id} is claimed already", ids=_ids(workflow_id, action_id)
        )
    return ClaimActionResponse(action_id=action_id, success=True, claimed=True)


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
    if row["persistent"] and queries.finish_persistent(uow, action_id, request.claim):
        is_repeated = False
    # every runner carries out a persistent action: a success of one must not hide the failure of another
    hides_failure = row["persistent"] and row["outcome"] == "failed" and request.outcome != "failed"
    if not is_repeated and not hides_failure:
        queries.mark_finished(uow, action_id, request.model_dump(include={"outcome", "return_code", "failure", "log"}))
        if request.outcome != "succeeded":
            _announce(uow, row, request.outcome, request.failure)
    return _model(queries.ACTIONS.get(uow, action_id) or row)


def rerun_action(uow: UnitOfWork, workflow_id: int, action_id: int) -> WorkflowActionModel:
    """Make an action due again that was carried out, failed, or was claimed by a runner that is gone.

    Raises StateConflictError for one that is due or waits, that a living runner carries out, or that every runner does.
    """
    row = _find(uow, workflow_id, action_id)
    problem = _why_not_again(uow, row)
    if problem is not None:
        raise StateConflictError(
            f"action {action_id} of workflow {workflow_id} {problem}", ids=_ids(workflow_id, action_id)
        )
    queries.mark_due(uow, action_id)
    data = {"category": "user_action", "action": "rerun_action", "action_id": action_id}
    store_event(uow, workflow_id, {**data, "previous_state": _state(row)})
    uow.touch(workflow_id)
    return _model(queries.ACTIONS.get(uow, action_id) or row)


def update_action(
    uow: UnitOfWork, workflow_id: int, action_id: int, wanted: WorkflowActionModel
) -> WorkflowActionModel:
    """Change the configuration of an action, `persistent` and `retry`; what is null stays as it is.

    Raises InvalidInputError for another trigger, type or other jobs, and StateConflictError for a claimed action.
    """
    row = _find(uow, workflow_id, action_id)
    stored = _with_gates(uow, row)
    fixed = ("trigger_type", "action_type")
    changed = [field for field in fixed if getattr(wanted, field) != getattr(stored, field)]
    if wanted.job_ids is not None and sorted(wanted.job_ids) != (stored.job_ids or []):
        changed.append("job_ids")
    if changed:
        raise InvalidInputError(
            f"{', '.join(changed)} of action {action_id} cannot change",
            hint="delete the action and create another",
            ids=_ids(workflow_id, action_id),
        )
    check_action(wanted)
    if _state(row) == "claimed":
        raise StateConflictError(
            f"action {action_id} of workflow {workflow_id} is being carried out", ids=_ids(workflow_id, action_id)
        )
    values = {"action_config": wanted.action_config}
    given = {
        field: getattr(wanted, field) for field in wanted.model_fields_set & {"persistent", "retry", "is_recovery"}
    }
    values |= {field: value for field, value in given.items() if value is not None}
    queries.ACTIONS.update(uow, action_id, values)
    return _with_gates(uow, queries.ACTIONS.get(uow, action_id) or row)


def delete_action(uow: UnitOfWork, workflow_id: int, action_id: int) -> WorkflowActionModel:
    """Delete an action and return it. Raises StateConflictError for one that a living runner carries out."""
    row = _find(uow, workflow_id, action_id)
    if _is_held(uow, row):
        raise StateConflictError(
            f"action {action_id} of workflow {workflow_id} is being carried out by runner {row['executed_by']}",
            hint="wait for its end",
            ids=_ids(workflow_id, action_id),
        )
    stored = _with_gates(uow, row)
    queries.ACTIONS.delete(uow, action_id)
    return stored


def _why_not_again(uow: UnitOfWork, row: dict[str, Any]) -> str | None:
    if row["persistent"]:
        return "is persistent: each runner carries it out once"
    if not row["executed"]:
        return "is due already" if _state(row) == "pending" else "waits for its trigger"
    return f"is being carried out by runner {row['executed_by']}" if _is_held(uow, row) else None


def _is_held(uow: UnitOfWork, row: dict[str, Any]) -> bool:
    """Return whether a runner that counts as active has claimed the action and not reported its end."""
    if _state(row) != "claimed" or row["executed_by"] is None:
        return False
    node = node_states(uow, [row["executed_by"]]).get(row["executed_by"])
    return node is not None and node.is_active


def release_actions(uow: UnitOfWork, compute_node_ids: Collection[int]) -> None:
    """Make the unfinished actions of runners that are gone due again; those without `retry` become unknown."""
    for row in queries.release_unfinished(uow, compute_node_ids):
        _announce(uow, row, "unknown", "its runner is gone")


def _find(uow: UnitOfWork, workflow_id: int, action_id: int) -> dict[str, Any]:
    row = queries.ACTIONS.get(uow, action_id)
    if row is None or row["workflow_id"] != workflow_id:
        raise NotFoundError(f"workflow {workflow_id} has no action {action_id}", ids=_ids(workflow_id, action_id))
    return row


def _with_gates(uow: UnitOfWork, row: dict[str, Any]) -> WorkflowActionModel:
    (whole,) = queries.list_actions(uow, row["workflow_id"], queries.is_action(row["id"]))
    return _model(whole)


def _ids(workflow_id: int, action_id: int) -> dict[str, int]:
    return {"workflow_id": workflow_id, "action_id": action_id}


def _announce(uow: UnitOfWork, row: dict[str, Any], outcome: str, failure: str | None) -> None:
    data = {"action_id": row["id"], "trigger_type": row["trigger_type"], "failure": failure}
    uow.announce(row["workflow_id"], f"action_{outcome}", severity="error", data=data)
    how = "failed" if outcome == "failed" else "may not have been carried out to its end"
    message = f"action {row['id']} ({row['trigger_type']}) {how}: {failure}"
    store_event(uow, row["workflow_id"], {"category": f"action_{outcome}", **data, "message": message})


def _state(row: dict[str, Any]) -> ActionState:
    if row["outcome"] in ("failed", "unknown"):
        return "failed" if row["outcome"] == "failed" else "unknown"
    if row["executed"]:
        return "claimed" if row["finished_at"] is None else "executed"
    return "pending" if row["trigger_count"] >= row["required_triggers"] else "waiting"


def _model(row: dict[str, Any]) -> WorkflowActionModel:
    retry = row["retry"] is not False
    return WorkflowActionModel.model_validate({**row, "retry": retry, "state": _state(row)})
