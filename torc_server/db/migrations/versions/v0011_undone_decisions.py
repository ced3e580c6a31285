"""Decisions that were undone, and the requirement that each job had before its decision."""

from typing import Final

from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"

_COLUMNS: Final = ("old_requirements_id INTEGER", "undone_at VARCHAR", "undone_by JSON")


def upgrade() -> None:
    for column in _COLUMNS:
        op.get_bind().exec_driver_sql(f"ALTER TABLE decision ADD COLUMN {column}")
