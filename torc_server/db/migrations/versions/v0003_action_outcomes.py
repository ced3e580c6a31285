"""The claim of an action, and how it ended."""

from typing import Final

from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_COLUMNS: Final = (
    "retry BOOLEAN",
    "claim VARCHAR",
    "finished_at VARCHAR",
    "outcome VARCHAR",
    "return_code INTEGER",
    "failure VARCHAR",
    "log VARCHAR",
)


def upgrade() -> None:
    for column in _COLUMNS:
        op.get_bind().exec_driver_sql(f"ALTER TABLE workflow_action ADD COLUMN {column}")
    # what an older server gave out was carried out by runners that never report an end
    op.get_bind().exec_driver_sql("UPDATE workflow_action SET finished_at = executed_at WHERE executed")
