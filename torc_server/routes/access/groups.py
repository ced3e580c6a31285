"""Groups of users and the workflows they share."""

from fastapi import Request

from torc_core.api.access import (
    AccessCheck,
    AccessGroupModel,
    AccessPage,
    AuditEntryModel,
    GroupMembershipModel,
    ReloadedAuth,
    WorkflowGroupModel,
)
from torc_core.api.base import Page
from torc_server.access.principals import Scope
from torc_server.routes.contract import contract_router
from torc_server.routes.guard import Calling, Guard
from torc_server.routes.logins import Logins, LoginsInUse
from torc_server.routes.parameters import PathId, RecordId, UnsortedPage
from torc_server.routes.unit_of_work import Working
from torc_server.services.access import audit
from torc_server.services.access import groups as access

router = contract_router("access_control")


@router.post("/access_groups")
def create_access_group(body: AccessGroupModel, work: Working) -> AccessGroupModel:
    return work.write(access.create_group, body)


@router.get("/access_groups")
def list_access_groups(work: Working, page: UnsortedPage, caller: Calling) -> AccessPage[AccessGroupModel]:
    if caller.visible_to is not None:
        return work.read(access.list_groups_of_user, caller.visible_to, page)
    return work.read(access.list_groups, page)


@router.get("/access_groups/{id}")
def get_access_group(group_id: RecordId, work: Working) -> AccessGroupModel:
    return work.read(access.get_group, group_id)


@router.delete("/access_groups/{id}")
def delete_access_group(group_id: RecordId, work: Working) -> AccessGroupModel:
    return work.write(access.delete_group, group_id)


@router.post("/access_groups/{id}/members")
def add_user_to_group(group_id: RecordId, body: GroupMembershipModel, work: Working) -> GroupMembershipModel:
    return work.write(access.add_member, group_id, body)


@router.get("/access_groups/{id}/members")
def list_group_members(group_id: RecordId, work: Working, page: UnsortedPage) -> AccessPage[GroupMembershipModel]:
    return work.read(access.list_members, group_id, page)


@router.delete("/access_groups/{id}/members/{user_name}")
def remove_user_from_group(group_id: RecordId, user_name: str, work: Working) -> GroupMembershipModel:
    return work.write(access.remove_member, group_id, user_name)


@router.get("/users/{user_name}/groups")
def list_user_groups(user_name: str, work: Working, page: UnsortedPage) -> AccessPage[AccessGroupModel]:
    return work.read(access.list_groups_of_user, user_name, page)


@router.get("/workflows/{id}/access_groups")
def list_workflow_groups(workflow_id: RecordId, work: Working, page: UnsortedPage) -> AccessPage[AccessGroupModel]:
    return work.read(access.list_groups_of_workflow, workflow_id, page)


@router.post("/workflows/{id}/access_groups/{group_id}")
def add_workflow_to_group(workflow_id: RecordId, group_id: PathId, work: Working) -> WorkflowGroupModel:
    return work.write(access.link_workflow, workflow_id, group_id)


@router.delete("/workflows/{id}/access_groups/{group_id}")
def remove_workflow_from_group(workflow_id: RecordId, group_id: PathId, work: Working) -> WorkflowGroupModel:
    return work.write(access.unlink_workflow, workflow_id, group_id)


@router.get("/access_check/{workflow_id}/{user_name}")
def check_workflow_access(workflow_id: PathId, user_name: str, work: Working, request: Request) -> AccessCheck:
    guard: Guard = request.app.state.guard
    logins: Logins = request.app.state.logins
    is_admin = logins.users is not None and logins.users.scope_of(user_name) is Scope.ADMIN
    return work.read(access.check_access, workflow_id, user_name, is_enforced=guard.enforces, is_admin=is_admin)


@router.get("/admin/audit-log")
def list_audit_log(work: Working, page: UnsortedPage) -> Page[AuditEntryModel]:
    return work.read(audit.list_audit_log, page)


@router.post("/admin/reload-auth")
def reload_auth(work: Working, logins: LoginsInUse) -> ReloadedAuth:
    count = logins.reload()
    work.write(audit.record_only)
    if count is None:
        return ReloadedAuth(message="this server was started without --auth-file", user_count=0)
    return ReloadedAuth(message=f"{count} user(s) read; nothing is remembered of before", user_count=count)
