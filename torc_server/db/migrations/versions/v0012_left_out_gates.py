"""Jobs that an action for allocations does not wait for any more."""

from typing import Final

from alembic import op

revision: Final = "0012"
down_revision: Final = "0011"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE workflow_action_job ADD COLUMN left_out BOOLEAN DEFAULT 0 NOT NULL")
