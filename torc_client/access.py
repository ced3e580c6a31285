"""Tokens, access groups and logins: the operations on who may do what."""

from collections.abc import Iterator
from urllib.parse import quote

from torc_client.calls import Calls, R
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
from torc_core.api.tokens import BrowserCode, BrowserCodeRequest, TokenModel, TokenRequest, Tokens


class AccessOperations:
    """Reached as `client.access`. Errors as in TorcClient."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    # -- tokens -----------------------------------------------------------------------------------

    def create_token(self, request: TokenRequest) -> TokenModel:
        """Return a new token of the caller; the token itself is shown this once."""
        return self._calls.post("/tokens", TokenModel, request, idempotent=False)

    def create_job_token(self, compute_node_id: int) -> TokenModel:
        """Return a new token for the jobs of a runner; it ends with the runner.

        Repeated when the answer was lost: the first one ends with the runner, too.
        """
        return self._calls.post(f"/compute_nodes/{compute_node_id}/job_token", TokenModel)

    def create_browser_code(self, request: BrowserCodeRequest) -> BrowserCode:
        """Return a code that logs one browser in as the caller."""
        return self._calls.post("/browser_codes", BrowserCode, request, idempotent=False)

    def tokens(self) -> list[TokenModel]:
        return self._calls.get("/tokens", Tokens).items

    def revoke_token(self, token_id: int) -> TokenModel:
        return self._calls.delete(f"/tokens/{token_id}", TokenModel, idempotent=False)

    def audit_log(self, *, offset: int = 0, limit: int | None = None) -> list[AuditEntryModel]:
        """Return who changed what about access, and who deleted workflows, the newest first."""
        return list(self._calls.each("/admin/audit-log", Page[AuditEntryModel], offset=offset, limit=limit))

    def reload_auth(self) -> ReloadedAuth:
        """Let the server read its file of users again."""
        return self._calls.post("/admin/reload-auth", ReloadedAuth)

    # -- groups -----------------------------------------------------------------------------------

    def create_group(self, name: str, *, description: str | None = None) -> AccessGroupModel:
        group = AccessGroupModel(name=name, description=description)
        return self._calls.post("/access_groups", AccessGroupModel, group, idempotent=False)

    def groups(self) -> list[AccessGroupModel]:
        """List the groups that the caller may see."""
        return list(self._each("/access_groups", AccessPage[AccessGroupModel]))

    def group(self, group_id: int) -> AccessGroupModel:
        return self._calls.get(f"/access_groups/{group_id}", AccessGroupModel)

    def delete_group(self, group_id: int) -> AccessGroupModel:
        return self._calls.delete(f"/access_groups/{group_id}", AccessGroupModel, idempotent=False)

    def members(self, group_id: int) -> list[GroupMembershipModel]:
        return list(self._each(f"/access_groups/{group_id}/members", AccessPage[GroupMembershipModel]))

    def add_member(self, group_id: int, member: GroupMembershipModel) -> GroupMembershipModel:
        path = f"/access_groups/{group_id}/members"
        return self._calls.post(path, GroupMembershipModel, member, idempotent=False)

    def remove_member(self, group_id: int, user_name: str) -> GroupMembershipModel:
        path = f"/access_groups/{group_id}/members/{quote(user_name, safe='')}"
        return self._calls.delete(path, GroupMembershipModel, idempotent=False)

    def groups_of_user(self, user_name: str) -> list[AccessGroupModel]:
        return list(self._each(f"/users/{quote(user_name, safe='')}/groups", AccessPage[AccessGroupModel]))

    def groups_of_workflow(self, workflow_id: int) -> list[AccessGroupModel]:
        return list(self._each(f"/workflows/{workflow_id}/access_groups", AccessPage[AccessGroupModel]))

    def share(self, workflow_id: int, group_id: int) -> WorkflowGroupModel:
        path = f"/workflows/{workflow_id}/access_groups/{group_id}"
        return self._calls.post(path, WorkflowGroupModel, idempotent=False)

    def unshare(self, workflow_id: int, group_id: int) -> WorkflowGroupModel:
        path = f"/workflows/{workflow_id}/access_groups/{group_id}"
        return self._calls.delete(path, WorkflowGroupModel, idempotent=False)

    def check(self, workflow_id: int, user_name: str) -> AccessCheck:
        """Return whether a user may see a workflow, and why."""
        return self._calls.get(f"/access_check/{workflow_id}/{quote(user_name, safe='')}", AccessCheck)

    def _each(self, path: str, page_model: type[AccessPage[R]]) -> Iterator[R]:
        offset = 0
        while True:
            page = self._calls.get(path, page_model, query={"offset": offset})
            yield from page.items
            if not page.has_more or not page.items:
                return
            offset += len(page.items)
