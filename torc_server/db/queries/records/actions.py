"""Workflow actions and the jobs that gate them."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Table, exists, insert, select, update
from sqlmodel import SQLModel

from torc_server.db.dialect import insert_or_ignore
from torc_server.db.queries.records.base import Condition, RecordStore, Row
from torc_server.db.sql import id_list, sql
from torc_server.db.tables.jobs import ActionClaim, WorkflowActionJob
from torc_server.db.tables.workflows import WorkflowAction
from torc_server.db.unit_of_work import UnitOfWork

ACTIONS: Final = RecordStore(WorkflowAction)
_ACTION: Final = ACTIONS.table
_CLAIM: Final[Table] = SQLModel.metadata.tables[str(ActionClaim.__tablename__)]
_GATE: Final[Table] = SQLModel.metadata.tables[str(WorkflowActionJob.__tablename__)]


def insert_gates(uow: UnitOfWork, action_id: int, job_ids: Sequence[int]) -> None:
    rows = [{"action_id": action_id, "job_id": job_id, "counted": False} for job_id in job_ids]
    uow.session.execute(insert(_GATE), rows)


def any_begun(uow: UnitOfWork, job_ids: Sequence[int]) -> bool:
    """Return whether one of the jobs has been ready."""
    row = uow.row(
        sql("SELECT 1 FROM job WHERE id IN $ids AND status NOT IN ($UNINITIALIZED, $BLOCKED) LIMIT 1"),
        ids=id_list(job_ids),
    )
    return row is not None


def list_actions(uow: UnitOfWork, workflow_id: int, conditions: Sequence[Condition] = ()) -> list[Row]:
    """Return the actions by id, each with the `job_ids` that gate it or None."""
    statement = select(_ACTION).where(_ACTION.c.workflow_id == workflow_id, *conditions).order_by(_ACTION.c.id)
    gates = (
        select(_GATE.c.action_id, _GATE.c.job_id)
        .join(_ACTION, _ACTION.c.id == _GATE.c.action_id)
        .where(_ACTION.c.workflow_id == workflow_id)
        .order_by(_GATE.c.job_id)
    )
    job_ids: dict[int, list[int]] = {}
    for action_id, job_id in uow.session.execute(gates):
        job_ids.setdefault(action_id, []).append(job_id)
    return [{**row, "job_ids": job_ids.get(row["id"])} for row in uow.session.execute(statement).mappings()]


def is_action(action_id: int) -> list[Condition]:
    """Return the condition: this action."""
    return [_ACTION.c.id == action_id]


def is_pending(trigger_types: Sequence[str], *, compute_node_id: int | None = None) -> list[Condition]:
    """Return the condition: triggered as often as required and not executed, of one of the types or of any.

    With a runner also what it has claimed and not finished: the answer to its claim may have been lost. What it has
    carried out of those that every runner does is left out.
    """
    due = (_ACTION.c.trigger_count >= _ACTION.c.required_triggers) & ~_ACTION.c.executed
    if compute_node_id is not None:
        own = (_CLAIM.c.action_id == _ACTION.c.id) & (_CLAIM.c.compute_node_id == compute_node_id)
        due = due & ~exists().where(own & _CLAIM.c.finished_at.is_not(None))
        due = due | (is_unfinished() & (_ACTION.c.executed_by == compute_node_id))
    return [due, _ACTION.c.trigger_type.in_(trigger_types)] if trigger_types else [due]


def is_unfinished() -> Condition:
    """Return the condition: claimed by a runner that is to report the end and has not yet, and not persistent."""
    claimed = _ACTION.c.executed & ~_ACTION.c.persistent & _ACTION.c.claim.is_not(None)
    return claimed & _ACTION.c.finished_at.is_(None)


def mark_claimed(
    uow: UnitOfWork, action_id: int, *, compute_node_id: int | None, claim: str | None, replaces: str | None = None
) -> bool:
    """Mark the action claimed; False when another claim was first. A persistent action stays pending for all.

    A claim without a name counts as finished: nobody will report its end. A claim that `replaces` the present one takes
    over what was not finished, or failed.
    """
    values = {
        "executed_at": uow.now_text,
        "executed_by": compute_node_id,
        "executed": ~_ACTION.c.persistent,
        "claim": claim,
        "finished_at": uow.now_text if claim is None else None,
    }
    free = _ACTION.c.persistent | ~_ACTION.c.executed
    if replaces is not None:
        is_open = _ACTION.c.finished_at.is_(None) | (_ACTION.c.outcome == "failed")
        free = free | ((_ACTION.c.claim == replaces) & is_open)
        values |= {"outcome": None, "return_code": None, "failure": None, "log": None}
    statement = update(_ACTION).where(_ACTION.c.id == action_id, free).values(**values).returning(_ACTION.c.id)
    return uow.session.execute(statement).first() is not None


def claim_persistent(uow: UnitOfWork, action_id: int, compute_node_id: int, claim: str | None) -> bool:
    """Note that the runner carries out the persistent action; False when it had claimed it by another name."""
    statement = (
        insert_or_ignore(_CLAIM).values(action_id=action_id, compute_node_id=compute_node_id, claim=claim)
    ).returning(_CLAIM.c.action_id)
    if uow.session.execute(statement).first() is not None:
        return True
    known = select(_CLAIM.c.claim).where(_CLAIM.c.action_id == action_id, _CLAIM.c.compute_node_id == compute_node_id)
    return claim is not None and uow.session.execute(known).scalar() == claim


def finish_persistent(uow: UnitOfWork, action_id: int, claim: str) -> bool:
    """Note the end of a runner's persistent action; False when it was noted before."""
    statement = (
        update(_CLAIM)
        .where(_CLAIM.c.action_id == action_id, _CLAIM.c.claim == claim, _CLAIM.c.finished_at.is_(None))
        .values(finished_at=uow.now_text)
        .returning(_CLAIM.c.action_id)
    )
    return uow.session.execute(statement).first() is not None


def mark_due(uow: UnitOfWork, action_id: int) -> None:
    """Make the action due again, as if nobody had claimed it."""
    statement = update(_ACTION).where(_ACTION.c.id == action_id)
    free = {
        "executed": False,
        **dict.fromkeys(
            ("executed_at", "executed_by", "claim", "finished_at", "outcome", "return_code", "failure", "log")
        ),
    }
    uow.session.execute(statement.values(**free, trigger_count=_ACTION.c.required_triggers))


def mark_finished(uow: UnitOfWork, action_id: int, values: Row) -> None:
    statement = update(_ACTION).where(_ACTION.c.id == action_id)
    uow.session.execute(statement.values(**values, finished_at=uow.now_text))


def release_unfinished(uow: UnitOfWork, compute_node_ids: Collection[int]) -> list[Row]:
    """Make what these runners claimed and did not finish due again, or note its outcome as unknown.

    Returns the actions that became unknown: those that must not be carried out twice.
    """
    held = is_unfinished() & _ACTION.c.executed_by.in_(list(compute_node_ids))
    may_repeat = _ACTION.c.retry.is_not(False)
    free = {"executed": False, "executed_at": None, "executed_by": None, "claim": None}
    uow.session.execute(update(_ACTION).where(held, may_repeat).values(**free))
    unknown = {"finished_at": uow.now_text, "outcome": "unknown"}
    statement = update(_ACTION).where(held, ~may_repeat).values(**unknown).returning(*_ACTION.c)
    return [dict(row) for row in uow.session.execute(statement).mappings()]
