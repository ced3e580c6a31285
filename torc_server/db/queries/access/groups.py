"""Groups of users, their members, and the workflows they share."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, delete, insert, select
from sqlmodel import SQLModel

from torc_server.db.queries.records.base import RecordStore, Row, Slice, read_slice
from torc_server.db.tables.access import AccessGroup, UserGroupMembership, WorkflowAccessGroup
from torc_server.db.unit_of_work import UnitOfWork

GROUPS: Final = RecordStore(AccessGroup)
MEMBERS: Final = RecordStore(UserGroupMembership)
_GROUP: Final = GROUPS.table
_MEMBER: Final = MEMBERS.table
_LINK: Final[Table] = SQLModel.metadata.tables[str(WorkflowAccessGroup.__tablename__)]


def find_group(uow: UnitOfWork, name: str) -> Row | None:
    row = uow.session.execute(select(_GROUP).where(_GROUP.c.name == name)).mappings().first()
    return None if row is None else dict(row)


def groups(uow: UnitOfWork, part: Slice) -> tuple[list[Row], int]:
    return GROUPS.page(uow, [], part)


def groups_of_user(uow: UnitOfWork, user_name: str, part: Slice) -> tuple[list[Row], int]:
    joined = select(_GROUP).join(_MEMBER, _MEMBER.c.group_id == _GROUP.c.id).where(_MEMBER.c.user_name == user_name)
    return read_slice(uow, joined, part, sort_column=_GROUP.c.id, tie_break=())


def groups_of_workflow(uow: UnitOfWork, workflow_id: int, part: Slice) -> tuple[list[Row], int]:
    joined = select(_GROUP).join(_LINK, _LINK.c.group_id == _GROUP.c.id).where(_LINK.c.workflow_id == workflow_id)
    return read_slice(uow, joined, part, sort_column=_GROUP.c.id, tie_break=())


def members(uow: UnitOfWork, group_id: int, part: Slice) -> tuple[list[Row], int]:
    return MEMBERS.page(uow, [_MEMBER.c.group_id == group_id], part)


def find_member(uow: UnitOfWork, group_id: int, user_name: str) -> Row | None:
    return _find(uow, _MEMBER, {"group_id": group_id, "user_name": user_name})


def find_link(uow: UnitOfWork, workflow_id: int, group_id: int) -> Row | None:
    return _find(uow, _LINK, {"workflow_id": workflow_id, "group_id": group_id})


def insert_link(uow: UnitOfWork, row: Row) -> None:
    uow.session.execute(insert(_LINK).values(**row))


def delete_link(uow: UnitOfWork, workflow_id: int, group_id: int) -> None:
    uow.session.execute(delete(_LINK).where(*_equal(_LINK, {"workflow_id": workflow_id, "group_id": group_id})))


def _find(uow: UnitOfWork, table: Table, values: Mapping[str, Any]) -> Row | None:
    row = uow.session.execute(select(table).where(*_equal(table, values))).mappings().first()
    return None if row is None else dict(row)


def _equal(table: Table, values: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in values.items()]
