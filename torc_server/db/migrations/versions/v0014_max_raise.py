"""How much more a decision may give the jobs of a workflow."""

from typing import Final

from alembic import op

revision: Final = "0014"
down_revision: Final = "0013"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE workflow ADD COLUMN max_raise FLOAT")
