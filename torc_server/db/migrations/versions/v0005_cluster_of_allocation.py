"""The cluster that an allocation was asked of."""

from typing import Final

from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE scheduled_compute_node ADD COLUMN cluster VARCHAR")
