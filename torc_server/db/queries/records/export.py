"""Statements that make of a copy of the database one that can be handed to others."""

from collections.abc import Sequence

from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork

_PRIVATE = ("access_token", "workflow_access_group", "user_group_membership", "access_group")


def unknown_workflows(uow: UnitOfWork, workflow_ids: Sequence[int]) -> list[int]:
    """Return those of the ids that are no workflow's."""
    known = {row[0] for row in uow.rows(sql("SELECT id FROM workflow WHERE id IN $ids"), ids=id_list(workflow_ids))}
    return [each for each in workflow_ids if each not in known]


def keep_only(uow: UnitOfWork, *, users: Sequence[str], workflow_ids: Sequence[int]) -> int:
    """Delete all workflows but those of the users and the ids, where there are any of either; return what is left."""
    if users:
        uow.run(sql("DELETE FROM workflow WHERE user NOT IN $ids"), ids=id_list(users))
    if workflow_ids:
        uow.run(sql("DELETE FROM workflow WHERE id NOT IN $ids"), ids=id_list(workflow_ids))
    left: int = uow.value("SELECT COUNT(*) FROM workflow")
    return left


def forget_access(uow: UnitOfWork) -> None:
    """Delete tokens, groups and memberships: who may do what is this server's affair."""
    for table in _PRIVATE:
        uow.run(sql("DELETE FROM $table", table=table))
