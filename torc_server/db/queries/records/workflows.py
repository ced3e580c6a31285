"""Workflows, and what is counted over everything that belongs to them."""

from collections.abc import Collection, Iterator
from graphlib import TopologicalSorter
from typing import Any, Final, NamedTuple

from sqlalchemy import or_, select
from sqlmodel import SQLModel

from torc_core.jobs.status import STATUS_BY_CODE, JobStatus
from torc_server.db.dialect import REFERENCES, days
from torc_server.db.queries.records.base import RecordStore, Slice
from torc_server.db.sql import id_list, sql
from torc_server.db.tables.access import AccessGroup, UserGroupMembership, WorkflowAccessGroup
from torc_server.db.tables.workflows import Workflow
from torc_server.db.unit_of_work import UnitOfWork

WORKFLOWS: Final = RecordStore(Workflow)
_LINK: Final = SQLModel.metadata.tables[str(WorkflowAccessGroup.__tablename__)]
_GROUP: Final = SQLModel.metadata.tables[str(AccessGroup.__tablename__)]
_MEMBER: Final = SQLModel.metadata.tables[str(UserGroupMembership.__tablename__)]


class WorkflowState(NamedTuple):
    """The state of a workflow, as far as the lifecycle depends on it."""

    id: int
    name: str
    user: str
    run_id: int
    is_canceled: bool
    is_archived: bool
    use_pending_failed: bool | None
    max_raise: float | None


def workflow_state(uow: UnitOfWork, workflow_id: int) -> WorkflowState | None:
    row = uow.row(
        """
        SELECT id, name, user, run_id, is_canceled, is_archived, use_pending_failed, max_raise
        FROM workflow WHERE id = :id
        """,
        id=workflow_id,
    )
    if row is None:
        return None
    pending_failed = None if row[6] is None else bool(row[6])
    return WorkflowState(row[0], row[1], row[2], row[3], bool(row[4]), bool(row[5]), pending_failed, row[7])


def find_workflows(
    uow: UnitOfWork,
    part: Slice,
    *,
    name: str | None,
    user: str | None,
    description: str | None,
    is_archived: bool | None,
    access_group: str | None = None,
    visible_to: str | None = None,
    only_id: int | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Return the rows of the slice, and how many there are in all."""
    conditions = WORKFLOWS.where(
        None,
        equals={"name": name, "user": user, "is_archived": is_archived, "id": only_id},
        contains={"description": description},
    )
    if access_group is not None:
        of_group = (
            select(_LINK.c.workflow_id)
            .join(_GROUP, _GROUP.c.id == _LINK.c.group_id)
            .where(_GROUP.c.name == access_group)
        )
        conditions = [*conditions, WORKFLOWS.table.c.id.in_(of_group)]
    if visible_to is not None:
        table, group_link, member = WORKFLOWS.table, _LINK, _MEMBER
        shared = (
            select(group_link.c.workflow_id)
            .join(member, member.c.group_id == group_link.c.group_id)
            .where(member.c.user_name == visible_to)
        )
        conditions = [*conditions, or_(table.c.user == visible_to, table.c.id.in_(shared))]
    return WORKFLOWS.page(uow, conditions, part)


def group_names(uow: UnitOfWork, workflow_ids: Collection[int]) -> dict[int, list[str]]:
    """Return the names of the access groups of each workflow that has any."""
    names: dict[int, list[str]] = {}
    rows = uow.rows(
        sql(
            """
            SELECT l.workflow_id, g.name
            FROM workflow_access_group l JOIN access_group g ON g.id = l.group_id
            WHERE l.workflow_id IN $ids ORDER BY g.name
            """
        ),
        ids=id_list(workflow_ids),
    )
    for workflow_id, name in rows:
        names.setdefault(workflow_id, []).append(name)
    return names


def link_group(uow: UnitOfWork, workflow_id: int, group_name: str) -> bool:
    """Link the group to the workflow; False when there is no such group."""
    added = uow.run(
        """
        INSERT INTO workflow_access_group (workflow_id, group_id, created_at)
        SELECT :workflow_id, id, :now FROM access_group WHERE name = :name
        ON CONFLICT DO NOTHING
        """,
        workflow_id=workflow_id,
        name=group_name,
        now=uow.now_text,
    )
    return added > 0


def begin_run(uow: UnitOfWork, workflow_id: int) -> None:
    uow.run("UPDATE workflow SET run_id = run_id + 1, is_canceled = 0 WHERE id = :id", id=workflow_id)


def set_canceled(uow: UnitOfWork, workflow_id: int) -> None:
    uow.run("UPDATE workflow SET is_canceled = 1 WHERE id = :id", id=workflow_id)


def set_archived(uow: UnitOfWork, workflow_id: int, *, is_archived: bool) -> None:
    uow.run("UPDATE workflow SET is_archived = :is_archived WHERE id = :id", id=workflow_id, is_archived=is_archived)


def delete_workflow(uow: UnitOfWork, workflow_id: int) -> None:
    """Delete the workflow and all that belongs to it, table by table: far quicker than row by row.

    Nothing is left to what the database would delete by itself, so that this may run where references are not checked.
    """
    for statement in _deletions(uow):
        uow.run(statement, id=workflow_id)


def _deletions(uow: UnitOfWork) -> Iterator[str]:
    """Yield the statements that delete all rows of a workflow, what refers to others first.

    The database says which tables there are: one that was forgotten here would keep its rows for ever.
    """
    references = [_Reference(*row) for row in uow.rows(REFERENCES)]
    order = TopologicalSorter[str]()
    for each in references:
        order.add(each.owner, each.table)
    owned = {each.table for each in references if each.owner == "workflow"}
    for table in order.static_order():
        if table == "workflow":
            yield "DELETE FROM workflow WHERE id = :id"
        elif table in owned:
            yield sql("DELETE FROM $table WHERE workflow_id = :id", table=table)
        else:
            for each in references:
                if each.table == table and each.owner in owned:
                    yield sql(
                        "DELETE FROM $table WHERE $column IN (SELECT id FROM $owner WHERE workflow_id = :id)",
                        **each._asdict(),
                    )


class _Reference(NamedTuple):
    """A column of a table that refers to a row of another."""

    table: str
    column: str
    owner: str


def count_jobs(uow: UnitOfWork, workflow_id: int) -> dict[JobStatus, int]:
    """Return how many jobs are in each status that has any."""
    rows = uow.rows("SELECT status, COUNT(*) FROM job WHERE workflow_id = :id GROUP BY status", id=workflow_id)
    return {STATUS_BY_CODE[code]: count for code, count in rows}


def is_everything_done(uow: UnitOfWork, workflow_id: int) -> bool:
    """Return whether no job has anything left to do; true of a workflow without jobs."""
    return not uow.value(
        sql("SELECT EXISTS (SELECT 1 FROM job WHERE workflow_id = :id AND status IN $UNDONE)"), id=workflow_id
    )


class NodeCounts(NamedTuple):
    active: int
    scheduled_pending: int
    scheduled_active: int


def count_nodes(uow: UnitOfWork, workflow_id: int) -> NodeCounts:
    active = uow.value("SELECT COUNT(*) FROM compute_node WHERE workflow_id = :id AND is_active = 1", id=workflow_id)
    rows = uow.rows(
        "SELECT status, COUNT(*) FROM scheduled_compute_node WHERE workflow_id = :id GROUP BY status", id=workflow_id
    )
    scheduled = {row[0]: row[1] for row in rows}
    return NodeCounts(active, scheduled.get("pending", 0), scheduled.get("active", 0))


def time_spent(uow: UnitOfWork, workflow_id: int, run_id: int) -> tuple[float, float | None]:
    """Return minutes of all attempts of the run together, and seconds from first start to last end or None."""
    row = uow.row(
        sql(
            """
            SELECT SUM(exec_time_minutes),
                (MAX($end_days) - MIN($end_days - exec_time_minutes / 1440.0)) * 86400.0
            FROM result WHERE workflow_id = :id AND run_id = :run_id
            """,
            end_days=days("completion_time"),
        ),
        id=workflow_id,
        run_id=run_id,
    )
    return (0.0, None) if row is None else (row[0] or 0.0, row[1])
