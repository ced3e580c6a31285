"""Tables of triage: proposals with their entries, and decisions."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from torc_server.db.dialect import BY_PRIMARY_KEY, IDS_ONCE
from torc_server.db.tables.columns import json_field, parent


class Proposal(SQLModel, table=True):
    """`state` is open, approved or rejected; an open one may have expired, which `expires_at` says."""

    __tablename__ = "proposal"
    __table_args__ = IDS_ONCE

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = parent("workflow", index=True)
    state: str = "open"
    actor: dict[str, Any] = json_field()
    limits: dict[str, Any] = json_field()
    created_at: str
    expires_at: str
    jobs_to_retry: int
    jobs_to_fail: int
    jobs_skipped: int
    decided_by: dict[str, Any] | None = json_field(nullable=True)
    decided_at: str | None = None
    decision_reason: str | None = None


class ProposalItem(SQLModel, table=True):
    """One entry of a proposal, bound to the attempt it was made for; `status` is would_apply, applied or skipped."""

    __tablename__ = "proposal_item"
    __table_args__ = (Index("ix_proposal_item_job", "job_id", "proposal_id"), BY_PRIMARY_KEY)

    proposal_id: int = parent("proposal", primary_key=True)
    job_id: int = parent("job", primary_key=True)
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
    """One applied decision about one attempt. `decided_by_kind` is the kind of the actor who answers for it."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_job", "job_id", "run_id"),
        Index("ix_decision_signature", "signature"),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = parent("workflow", index=True)
    job_id: int = parent("job")
    run_id: int
    attempt_id: int
    signature: str | None = None
    action: str
    reason: str
    memory: str | None = None
    runtime: str | None = None
    actor: dict[str, Any] = json_field()
    decided_by_kind: str
    approved_by: dict[str, Any] | None = json_field(nullable=True)
    proposal_id: int | None = None
    decided_at: str
    old_requirements_id: int | None = None
    """The requirement that the job had before, so that an undo gives it back."""
    undone_at: str | None = None
    undone_by: dict[str, Any] | None = json_field(nullable=True)
