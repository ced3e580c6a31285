"""Groups of users and the workflows they share. They are kept, not enforced: the server knows no logins."""

from typing import Generic, TypeVar

from pydantic import Field

from torc_core.api.base import ApiModel

T = TypeVar("T")


class AccessGroupModel(ApiModel):
    id: int | None = None
    name: str = Field(min_length=1)
    description: str | None = None
    created_at: str | None = None


class GroupMembershipModel(ApiModel):
    """`role` is member or admin."""

    id: int | None = None
    group_id: int = 0
    user_name: str = Field(min_length=1)
    role: str = "member"
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


class ReloadedAuth(ApiModel):
    message: str
    user_count: int
