"""Workflow actions and the jobs that gate them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Table, insert, select, update
from sqlmodel import SQLModel

from torc_server.db.queries.records.base import Condition, RecordStore, Row
from torc_server.db.sql import id_list, sql
from torc_server.db.tables.jobs import WorkflowActionJob
from torc_server.db.tables.workflows import WorkflowAction
from torc_server.db.unit_of_work import UnitOfWork

ACTIONS: Final = RecordStore(WorkflowAction)
_ACTION: Final = ACTIONS.table
_GATE: Final[Table] = SQLModel.metadata.tables[str(WorkflowActionJob.__tablename__)]


def insert_gates(uow: UnitOfWork, action_id: int, job_ids: Sequence[int]) -> None:
    rows = [{"action_id": action_id, "job_id": job_id, "counted": False} for job_id in job_ids]
    uow.session.execute(insert(_GATE), rows)


def any_begun(uow: UnitOfWork, job_ids: Sequence[int]) -> bool:
    """Return whether one of the jobs has been ready."""
    found = uow.row(
        sql("SELECT 1 FROM job WHERE id IN $ids AND status NOT IN ($UNINITIALIZED, $BLOCKED) LIMIT 1"),
        ids=id_list(job_ids),
    )
    return found is not None


def list_actions(uow: UnitOfWork, workflow_id: int, conditions: Sequence[Condition] = ()) -> list[Row]:
    """Return the actions by id, each with the `job_ids` that gate it or None."""
    found = select(_ACTION).where(_ACTION.c.workflow_id == workflow_id, *conditions).order_by(_ACTION.c.id)
    gates = (
        select(_GATE.c.action_id, _GATE.c.job_id)
        .join(_ACTION, _ACTION.c.id == _GATE.c.action_id)
        .where(_ACTION.c.workflow_id == workflow_id)
        .order_by(_GATE.c.job_id)
    )
    job_ids: dict[int, list[int]] = {}
    for action_id, job_id in uow.session.execute(gates):
        job_ids.setdefault(action_id, []).append(job_id)
    return [{**row, "job_ids": job_ids.get(row["id"])} for row in uow.session.execute(found).mappings()]


def is_pending(trigger_types: Sequence[str]) -> list[Condition]:
    """Return the condition: triggered as often as required and not executed, of one of the types or of any."""
    due = [_ACTION.c.trigger_count >= _ACTION.c.required_triggers, ~_ACTION.c.executed]
    return [*due, _ACTION.c.trigger_type.in_(trigger_types)] if trigger_types else due


def mark_executed(uow: UnitOfWork, action_id: int, *, executed_by: int | None) -> bool:
    """Mark the action executed; False when another caller was first. A persistent action stays pending for all."""
    values = {"executed_at": uow.now_text, "executed_by": executed_by, "executed": ~_ACTION.c.persistent}
    free = _ACTION.c.persistent | ~_ACTION.c.executed
    statement = update(_ACTION).where(_ACTION.c.id == action_id, free).values(**values).returning(_ACTION.c.id)
    return uow.session.execute(statement).first() is not None
