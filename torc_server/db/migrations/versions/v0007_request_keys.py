"""Keys by which a registration of a runner and the creation of a workflow may be repeated."""

from typing import Final

from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"

_STATEMENTS: Final = (
    "ALTER TABLE compute_node ADD COLUMN registration VARCHAR",
    "CREATE UNIQUE INDEX uq_compute_node_registration ON compute_node (workflow_id, registration) "
    "WHERE registration IS NOT NULL",
    "ALTER TABLE workflow ADD COLUMN creation_key VARCHAR",
    "CREATE UNIQUE INDEX uq_workflow_creation_key ON workflow (creation_key) WHERE creation_key IS NOT NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
