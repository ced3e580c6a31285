"""Attempt numbers that runners were given, those that were lost, and jobs that may have killed a launcher."""

from typing import Final

from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"

_STATEMENTS: Final = (
    "ALTER TABLE job ADD COLUMN lost_claims INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN is_suspect BOOLEAN NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN last_attempt INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN last_attempt_run INTEGER NOT NULL DEFAULT 0",
    # a job that no runner holds has not begun the attempt that it is in
    """
    UPDATE job SET last_attempt = attempt_id - (compute_node_id IS NULL),
        last_attempt_run = (SELECT run_id FROM workflow WHERE workflow.id = job.workflow_id)
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
