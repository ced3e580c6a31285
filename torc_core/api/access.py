"""Groups of users and the workflows they share. A server enforces them with `--enforce-access-control`."""

from typing import Generic, Literal, TypeVar

from pydantic import Field

from torc_core.api.base import ApiModel

T = TypeVar("T")


class AccessGroupModel(ApiModel):
    id: int | None = None
    name: str = Field(min_length=1)
    description: str | None = None
    created_at: str | None = None


class GroupMembershipModel(ApiModel):
    """`role` is viewer (looks), member (runs and decides) or admin (a member who keeps the members)."""

    id: int | None = None
    group_id: int = 0
    user_name: str = Field(min_length=1)
    role: Literal["viewer", "member", "admin"] = "member"
    created_at: str | None = None


class WorkflowGroupModel(ApiModel):
    workflow_id: int
    group_id: int
    created_at: str | None = None


class AccessPage(ApiModel, Generic[T]):
    """One page of a list about access; it differs from other lists by `limit` in place of `max_limit` and `count`."""

    items: list[T]
    offset: int
    limit: int
    total_count: int
    has_more: bool


class AccessCheck(ApiModel):
    has_access: bool
    user_name: str
    workflow_id: int
    reason: str | None = None


class AuditEntryModel(ApiModel):
    """One request of the audit log; `is_proven` false: the name is only what the caller wrote."""

    id: int
    timestamp: str
    user_name: str
    is_proven: bool
    agent: str | None = None
    address: str | None = None
    method: str
    path: str


class ReloadedAuth(ApiModel):
    message: str
    user_count: int
