"""Tables of triage: proposals with their judgements, and decisions. Times are RFC 3339 text in UTC."""

from typing import Any, Final

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

_AUTOINCREMENT: Final = {"sqlite_autoincrement": True}


def _json(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=nullable))


def _parent(table: str, **options: Any) -> Any:
    return Field(foreign_key=f"{table}.id", ondelete="CASCADE", **options)


class Proposal(SQLModel, table=True):
    """`state` is open, approved or rejected; whether an open one has expired is told by the clock."""

    __tablename__ = "proposal"
    __table_args__ = _AUTOINCREMENT

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _parent("workflow", index=True)
    state: str = "open"
    actor: dict[str, Any] = _json()
    limits: dict[str, Any] = _json()
    created_at: str
    expires_at: str
    jobs_to_retry: int
    jobs_to_fail: int
    jobs_skipped: int
    decided_by: dict[str, Any] | None = _json(nullable=True)
    decided_at: str | None = None
    decision_reason: str | None = None


class ProposalItem(SQLModel, table=True):
    """One judgement, bound to the attempt it was made on; `status` is would_apply, applied or skipped."""

    __tablename__ = "proposal_item"
    __table_args__ = (Index("ix_proposal_item_job", "job_id", "proposal_id"), {"sqlite_with_rowid": False})

    proposal_id: int = _parent("proposal", primary_key=True)
    job_id: int = _parent("job", primary_key=True)
    run_id: int
    attempt_id: int
    signature: str | None = None
    action: str
    reason: str
    memory: str | None = None
    old_memory: str | None = None
    runtime: str | None = None
    old_runtime: str | None = None
    status: str
    detail: str | None = None


class Decision(SQLModel, table=True):
    """One applied decision on one attempt. `decided_by_kind` is the kind of who answers for it."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_job", "job_id", "run_id"),
        Index("ix_decision_signature", "signature"),
        _AUTOINCREMENT,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _parent("workflow", index=True)
    job_id: int = _parent("job")
    run_id: int
    attempt_id: int
    signature: str | None = None
    action: str
    reason: str
    memory: str | None = None
    runtime: str | None = None
    actor: dict[str, Any] = _json()
    decided_by_kind: str
    approved_by: dict[str, Any] | None = _json(nullable=True)
    proposal_id: int | None = None
    decided_at: str
