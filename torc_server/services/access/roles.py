"""Roles: the most that a user may do on a workflow, where access control is enforced."""

from collections.abc import Sequence
from typing import Final

from torc_server.access.policy import ROLE_SCOPES
from torc_server.access.principals import Scope
from torc_server.db.queries.access import roles as queries
from torc_server.db.unit_of_work import UnitOfWork

ADMIN_GROUP: Final = "admin"


def role_on_workflow(uow: UnitOfWork, user_name: str, workflow_id: int) -> tuple[str | None, Scope | None]:
    """Return the owner of a workflow, None when there is no such workflow, and what the user may do there at most."""
    owner = queries.owner_of(uow, workflow_id)
    if owner is None:
        return None, None
    if owner == user_name:
        return owner, Scope.OWNER
    found = [ROLE_SCOPES.get(role) for role in queries.roles_on_workflow(uow, user_name, workflow_id)]
    return owner, max((scope for scope in found if scope is not None), default=None)


def workflow_of_record(uow: UnitOfWork, table: str, record_id: int) -> int | None:
    """Return the workflow of a record; None when there is no such record."""
    return queries.workflow_of_record(uow, table, record_id)


def group_role(uow: UnitOfWork, user_name: str, group_id: int) -> tuple[str | None, bool]:
    """Return the user's role in a group, and whether the server itself keeps its members."""
    return queries.role_in_group(uow, user_name, group_id), queries.is_system_group(uow, group_id)


def keep_admin_group(uow: UnitOfWork, admins: Sequence[str]) -> None:
    """Give the group of administrators exactly the members that the server was started with."""
    queries.set_system_group(uow, ADMIN_GROUP, sorted(set(admins)), now=uow.now_text)
