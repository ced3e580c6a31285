"""Who a workflow belongs to, and with whom it is shared."""

from collections.abc import Sequence

from torc_server.db.sql import sql
from torc_server.db.unit_of_work import UnitOfWork


def workflow_of_record(uow: UnitOfWork, table: str, record_id: int) -> int | None:
    """Return the workflow of a row; None when there is no such row. `table` is a name of ours, never a caller's."""
    found: int | None = uow.value(sql("SELECT workflow_id FROM $table WHERE id = :id", table=table), id=record_id)
    return found


def owner_of(uow: UnitOfWork, workflow_id: int) -> str | None:
    """Return the user of a workflow; None when there is no such workflow."""
    found: str | None = uow.value("SELECT user FROM workflow WHERE id = :id", id=workflow_id)
    return found


def roles_on_workflow(uow: UnitOfWork, user_name: str, workflow_id: int) -> Sequence[str]:
    """Return the user's roles in the groups that the workflow is shared with."""
    rows = uow.rows(
        """
        SELECT m.role FROM user_group_membership m
        JOIN workflow_access_group l ON l.group_id = m.group_id
        WHERE l.workflow_id = :workflow_id AND m.user_name = :user_name
        """,
        workflow_id=workflow_id,
        user_name=user_name,
    )
    return [row[0] for row in rows]


def role_in_group(uow: UnitOfWork, user_name: str, group_id: int) -> str | None:
    """Return the user's role in a group; None for no member."""
    found: str | None = uow.value(
        "SELECT role FROM user_group_membership WHERE group_id = :group_id AND user_name = :user_name",
        group_id=group_id,
        user_name=user_name,
    )
    return found


def is_system_group(uow: UnitOfWork, group_id: int) -> bool:
    """Return whether the server itself keeps the members of a group."""
    return bool(uow.value("SELECT is_system FROM access_group WHERE id = :id", id=group_id))


def set_system_group(uow: UnitOfWork, name: str, members: Sequence[str], *, now: str) -> None:
    """Make the group and give it exactly these members."""
    uow.run(
        "INSERT INTO access_group (name, description, is_system, created_at) VALUES (:name, :why, 1, :now) "
        "ON CONFLICT (name) DO UPDATE SET is_system = 1",
        name=name,
        why="administrators of this server, as it was started",
        now=now,
    )
    group_id = uow.value("SELECT id FROM access_group WHERE name = :name", name=name)
    uow.run("DELETE FROM user_group_membership WHERE group_id = :id", id=group_id)
    uow.run_many(
        "INSERT INTO user_group_membership (user_name, group_id, role, created_at) VALUES (?, ?, 'admin', ?)",
        [(member, group_id, now) for member in members],
    )
