"""Personal tokens, by the hash of each."""

from typing import Final

from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

_STATEMENTS: Final = (
    """
    CREATE TABLE access_token (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        name VARCHAR NOT NULL,
        user_name VARCHAR NOT NULL,
        token_hash VARCHAR NOT NULL,
        scope VARCHAR NOT NULL,
        is_proven BOOLEAN NOT NULL,
        workflow_id INTEGER,
        agent VARCHAR,
        mode VARCHAR,
        created_at VARCHAR NOT NULL,
        expires_at VARCHAR NOT NULL,
        CONSTRAINT uq_access_token_hash UNIQUE (token_hash),
        FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_access_token_workflow_id ON access_token (workflow_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
