"""Proposals, decisions, and the cause of each failure."""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_STATEMENTS: Final = (
    "ALTER TABLE failure_evidence ADD COLUMN cause TEXT",
    """
    CREATE TABLE proposal (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        workflow_id INTEGER NOT NULL,
        state VARCHAR NOT NULL,
        actor JSON NOT NULL,
        limits JSON NOT NULL,
        created_at VARCHAR NOT NULL,
        expires_at VARCHAR NOT NULL,
        jobs_to_retry INTEGER NOT NULL,
        jobs_to_fail INTEGER NOT NULL,
        jobs_skipped INTEGER NOT NULL,
        decided_by JSON,
        decided_at VARCHAR,
        decision_reason VARCHAR,
        FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_proposal_workflow_id ON proposal (workflow_id)",
    """
    CREATE TABLE proposal_item (
        proposal_id INTEGER NOT NULL,
        job_id INTEGER NOT NULL,
        run_id INTEGER NOT NULL,
        attempt_id INTEGER NOT NULL,
        signature VARCHAR,
        action VARCHAR NOT NULL,
        reason VARCHAR NOT NULL,
        memory VARCHAR,
        old_memory VARCHAR,
        runtime VARCHAR,
        old_runtime VARCHAR,
        status VARCHAR NOT NULL,
        detail VARCHAR,
        PRIMARY KEY (proposal_id, job_id),
        FOREIGN KEY(proposal_id) REFERENCES proposal (id) ON DELETE CASCADE,
        FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    "CREATE INDEX ix_proposal_item_job ON proposal_item (job_id, proposal_id)",
    """
    CREATE TABLE decision (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        workflow_id INTEGER NOT NULL,
        job_id INTEGER NOT NULL,
        run_id INTEGER NOT NULL,
        attempt_id INTEGER NOT NULL,
        signature VARCHAR,
        action VARCHAR NOT NULL,
        reason VARCHAR NOT NULL,
        memory VARCHAR,
        runtime VARCHAR,
        actor JSON NOT NULL,
        decided_by_kind VARCHAR NOT NULL,
        approved_by JSON,
        proposal_id INTEGER,
        decided_at VARCHAR NOT NULL,
        FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE,
        FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_decision_job ON decision (job_id, run_id)",
    "CREATE INDEX ix_decision_signature ON decision (signature)",
    "CREATE INDEX ix_decision_workflow_id ON decision (workflow_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
