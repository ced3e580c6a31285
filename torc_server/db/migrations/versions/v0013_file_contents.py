"""The content that a file had when it was looked at last."""

from typing import Final

from alembic import op

revision: Final = "0013"
down_revision: Final = "0012"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE file ADD COLUMN sha256 VARCHAR")
