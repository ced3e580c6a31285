"""Labels of jobs and runners, the end of a runner, settings written as text, and claims of persistent actions."""

from typing import Final

from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"

_STATEMENTS: Final = (
    "ALTER TABLE job ADD COLUMN labels JSON",
    # the claim reads this index alone
    "DROP INDEX ix_job_ready",
    "CREATE INDEX ix_job_ready ON job (workflow_id, priority DESC, num_gpus DESC, runtime_s DESC, memory_bytes DESC, "
    "num_cpus DESC, id, num_nodes, scheduler_id, labels) WHERE status = 2",
    "ALTER TABLE compute_node ADD COLUMN end_time VARCHAR",
    "ALTER TABLE compute_node ADD COLUMN labels JSON",
    "ALTER TABLE slurm_scheduler ADD COLUMN serialize_allocations BOOLEAN",
    "ALTER TABLE workflow ADD COLUMN written_as_text JSON",
    """
    CREATE TABLE action_claim (
        action_id INTEGER NOT NULL,
        compute_node_id INTEGER NOT NULL,
        claim VARCHAR,
        finished_at VARCHAR,
        PRIMARY KEY (action_id, compute_node_id),
        FOREIGN KEY(action_id) REFERENCES workflow_action (id) ON DELETE CASCADE,
        FOREIGN KEY(compute_node_id) REFERENCES compute_node (id) ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
