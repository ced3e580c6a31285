"""Tokens of a runner's jobs, which end with the runner."""

from typing import Final

from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"

_STATEMENTS: Final = (
    "ALTER TABLE access_token ADD COLUMN compute_node_id INTEGER REFERENCES compute_node (id) ON DELETE CASCADE",
    "CREATE INDEX ix_access_token_compute_node_id ON access_token (compute_node_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
