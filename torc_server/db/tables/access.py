"""Tables of access groups, tokens and the audit log."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from torc_server.db.dialect import BY_PRIMARY_KEY, IDS_ONCE
from torc_server.db.tables.columns import link


class AccessGroup(SQLModel, table=True):
    __tablename__ = "access_group"
    __table_args__ = (UniqueConstraint("name", name="uq_access_group_name"), IDS_ONCE)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    description: str | None = None
    is_system: bool = False
    created_at: str


class UserGroupMembership(SQLModel, table=True):
    __tablename__ = "user_group_membership"
    __table_args__ = (
        UniqueConstraint("user_name", "group_id", name="uq_user_group_membership"),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    user_name: str
    group_id: int = Field(foreign_key="access_group.id", ondelete="CASCADE", index=True)
    role: str
    created_at: str


class WorkflowAccessGroup(SQLModel, table=True):
    __tablename__ = "workflow_access_group"
    __table_args__ = (Index("ix_workflow_access_group_reverse", "group_id", "workflow_id"), BY_PRIMARY_KEY)

    workflow_id: int = link("workflow")
    group_id: int = link("access_group")
    created_at: str


class AccessToken(SQLModel, table=True):
    __tablename__ = "access_token"
    __table_args__ = (UniqueConstraint("token_hash", name="uq_access_token_hash"), IDS_ONCE)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    user_name: str
    token_hash: str
    scope: str
    is_proven: bool
    workflow_id: int | None = Field(default=None, foreign_key="workflow.id", ondelete="CASCADE", index=True)
    agent: str | None = None
    mode: str | None = None
    created_at: str
    expires_at: str
    compute_node_id: int | None = Field(default=None, foreign_key="compute_node.id", ondelete="CASCADE", index=True)


class AuditEntry(SQLModel, table=True):
    """One request that succeeded; `is_proven` false: the name is only what the caller wrote."""

    __tablename__ = "audit_entry"
    __table_args__ = IDS_ONCE

    id: int | None = Field(default=None, primary_key=True)
    timestamp: str
    user_name: str
    is_proven: bool
    agent: str | None = None
    address: str | None = None
    method: str
    path: str
