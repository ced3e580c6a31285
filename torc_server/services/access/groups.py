"""Groups of users and the workflows they share: their members and roles."""

from typing import TypeVar

from torc_core.api.access import AccessCheck, AccessGroupModel, AccessPage, GroupMembershipModel, WorkflowGroupModel
from torc_core.api.base import ApiModel
from torc_core.errors import AlreadyTakenError, NotFoundError
from torc_server.db.queries.access import groups as queries
from torc_server.db.queries.records.base import Row
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.access.roles import role_on_workflow
from torc_server.services.records.base import slice_of
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest

M = TypeVar("M", bound=ApiModel)


def create_group(uow: UnitOfWork, group: AccessGroupModel) -> AccessGroupModel:
    if queries.find_group(uow, group.name) is not None:
        raise AlreadyTakenError(f"there is an access group {group.name!r} already")
    row = {"name": group.name, "description": group.description, "is_system": False, "created_at": uow.now_text}
    return AccessGroupModel.model_validate(queries.GROUPS.insert(uow, row))


def get_group(uow: UnitOfWork, group_id: int) -> AccessGroupModel:
    row = queries.GROUPS.get(uow, group_id)
    if row is None:
        raise NotFoundError(f"there is no access group {group_id}", ids={"group_id": group_id})
    return AccessGroupModel.model_validate(row)


def delete_group(uow: UnitOfWork, group_id: int) -> AccessGroupModel:
    group = get_group(uow, group_id)
    queries.GROUPS.delete(uow, group_id)
    return group


def list_groups(uow: UnitOfWork, page: PageRequest) -> AccessPage[AccessGroupModel]:
    return _page(page, AccessGroupModel, *queries.groups(uow, slice_of(page, ())))


def list_groups_of_user(uow: UnitOfWork, user_name: str, page: PageRequest) -> AccessPage[AccessGroupModel]:
    return _page(page, AccessGroupModel, *queries.groups_of_user(uow, user_name, slice_of(page, ())))


def list_groups_of_workflow(uow: UnitOfWork, workflow_id: int, page: PageRequest) -> AccessPage[AccessGroupModel]:
    find_workflow(uow, workflow_id)
    return _page(page, AccessGroupModel, *queries.groups_of_workflow(uow, workflow_id, slice_of(page, ())))


def list_members(uow: UnitOfWork, group_id: int, page: PageRequest) -> AccessPage[GroupMembershipModel]:
    get_group(uow, group_id)
    return _page(page, GroupMembershipModel, *queries.members(uow, group_id, slice_of(page, ())))


def add_member(uow: UnitOfWork, group_id: int, member: GroupMembershipModel) -> GroupMembershipModel:
    get_group(uow, group_id)
    if queries.find_member(uow, group_id, member.user_name) is not None:
        raise AlreadyTakenError(f"{member.user_name} is in access group {group_id} already")
    row = {"group_id": group_id, "user_name": member.user_name, "role": member.role, "created_at": uow.now_text}
    return GroupMembershipModel.model_validate(queries.MEMBERS.insert(uow, row))


def remove_member(uow: UnitOfWork, group_id: int, user_name: str) -> GroupMembershipModel:
    row = queries.find_member(uow, group_id, user_name)
    if row is None:
        raise NotFoundError(f"{user_name} is not in access group {group_id}", ids={"group_id": group_id})
    queries.MEMBERS.delete(uow, row["id"])
    return GroupMembershipModel.model_validate(row)


def link_workflow(uow: UnitOfWork, workflow_id: int, group_id: int) -> WorkflowGroupModel:
    find_workflow(uow, workflow_id)
    get_group(uow, group_id)
    if queries.find_link(uow, workflow_id, group_id) is not None:
        raise AlreadyTakenError(f"workflow {workflow_id} is shared with access group {group_id} already")
    link = {"workflow_id": workflow_id, "group_id": group_id, "created_at": uow.now_text}
    queries.insert_link(uow, link)
    return WorkflowGroupModel.model_validate(link)


def unlink_workflow(uow: UnitOfWork, workflow_id: int, group_id: int) -> WorkflowGroupModel:
    link = queries.find_link(uow, workflow_id, group_id)
    if link is None:
        raise NotFoundError(
            f"workflow {workflow_id} is not shared with access group {group_id}",
            ids={"workflow_id": workflow_id, "group_id": group_id},
        )
    queries.delete_link(uow, workflow_id, group_id)
    return WorkflowGroupModel.model_validate(link)


def check_access(
    uow: UnitOfWork, workflow_id: int, user_name: str, *, is_enforced: bool, is_admin: bool
) -> AccessCheck:
    """Return whether the user may see the workflow, and why."""
    find_workflow(uow, workflow_id)
    owner, role = role_on_workflow(uow, user_name, workflow_id)
    match is_enforced, is_admin, owner == user_name, role is not None:
        case False, _, _, _:
            has_access, reason = True, "access control is not enforced"
        case _, True, _, _:
            has_access, reason = True, f"{user_name} is an administrator of the server"
        case _, _, True, _:
            has_access, reason = True, f"{user_name} owns the workflow"
        case _, _, _, True:
            has_access, reason = True, f"the workflow is shared with a group of {user_name}"
        case _:
            has_access, reason = False, f"the workflow is another user's and shared with no group of {user_name}"
    return AccessCheck(has_access=has_access, user_name=user_name, workflow_id=workflow_id, reason=reason)


def _page(page: PageRequest, model: type[M], rows: list[Row], total: int) -> AccessPage[M]:
    return AccessPage(
        items=[model.model_validate(row) for row in rows],
        offset=page.offset,
        limit=page.limit,
        total_count=total,
        has_more=page.offset + len(rows) < total,
    )
