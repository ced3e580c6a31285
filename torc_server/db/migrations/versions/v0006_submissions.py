"""Submissions of allocations: the key of each, and its array."""

from typing import Final

from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"

_STATEMENTS: Final = (
    "ALTER TABLE scheduled_compute_node ADD COLUMN array VARCHAR",
    "ALTER TABLE scheduled_compute_node ADD COLUMN array_record_id INTEGER",
    "ALTER TABLE scheduled_compute_node ADD COLUMN submission VARCHAR",
    "CREATE UNIQUE INDEX uq_scheduled_compute_node_submission ON scheduled_compute_node (workflow_id, submission) "
    "WHERE submission IS NOT NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
