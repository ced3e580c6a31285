"""The audit log: who changed what about access, and who deleted workflows."""

from typing import Final

from alembic import op

revision: Final = "0015"
down_revision: Final = "0014"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        CREATE TABLE audit_entry (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            timestamp VARCHAR NOT NULL,
            user_name VARCHAR NOT NULL,
            is_proven BOOLEAN NOT NULL,
            agent VARCHAR,
            address VARCHAR,
            method VARCHAR NOT NULL,
            path VARCHAR NOT NULL
        )
        """
    )
