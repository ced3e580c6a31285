"""Tables of a workflow and of the records that its jobs refer to."""

from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from torc_server.db.dialect import IDS_ONCE, only_where
from torc_server.db.tables.columns import json_column, owner


class Workflow(SQLModel, table=True):
    """`use_pending_failed` NULL means the server's setting; `run_id` counts the runs from 1."""

    __tablename__ = "workflow"
    __table_args__ = (
        Index("ix_workflow_user", "user"),
        Index("uq_workflow_creation_key", "creation_key", unique=True, **only_where("creation_key IS NOT NULL")),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    name: str
    user: str
    description: str | None = None
    timestamp: str
    project: str | None = None
    metadata_: dict[str, Any] | None = Field(default=None, sa_column=json_column("metadata"))
    run_id: int = 1
    is_canceled: bool = False
    is_archived: bool = False
    use_pending_failed: bool | None = None
    max_raise: float | None = None
    enable_ro_crate: bool | None = None
    env: dict[str, str] | None = Field(default=None, sa_column=json_column())
    submission_directory: str | None = None
    compute_node_expiration_buffer_seconds: int | None = None
    compute_node_ignore_workflow_completion: bool | None = None
    compute_node_min_time_for_new_jobs_seconds: int | None = None
    compute_node_wait_for_healthy_database_minutes: int | None = None
    compute_node_wait_for_new_jobs_seconds: int | None = None
    resource_monitor_config: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    execution_config: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    slurm_defaults: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    dynamic_jobs: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    written_as_text: list[str] | None = Field(default=None, sa_column=json_column())
    creation_key: str | None = None


class ResourceRequirements(SQLModel, table=True):
    """The resources that jobs need; `memory_bytes` and `runtime_s` are the texts `memory` and `runtime` as numbers."""

    __tablename__ = "resource_requirements"
    __table_args__ = IDS_ONCE

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner()
    name: str
    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory: str
    runtime: str
    memory_bytes: int
    runtime_s: float


class FailureHandler(SQLModel, table=True):
    """`rules` is the JSON array of the contract, as text."""

    __tablename__ = "failure_handler"
    __table_args__ = IDS_ONCE

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner()
    name: str
    rules: str


class File(SQLModel, table=True):
    """`st_mtime` in seconds since the epoch, NULL while the file does not exist; `sha256` of its content, if known."""

    __tablename__ = "file"
    __table_args__ = IDS_ONCE

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner()
    name: str
    path: str
    st_mtime: float | None = None
    sha256: str | None = None


class UserData(SQLModel, table=True):
    """`data` NULL means not produced yet."""

    __tablename__ = "user_data"
    __table_args__ = IDS_ONCE

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner()
    name: str
    is_ephemeral: bool = False
    data: Any | None = Field(default=None, sa_column=json_column())


class WorkflowAction(SQLModel, table=True):
    """An action is due when `trigger_count` has reached `required_triggers` and it is not executed.

    `executed` is set by the claim. A claim that has a name (`claim`) is followed by an end: `finished_at`, `outcome`.
    """

    __tablename__ = "workflow_action"
    __table_args__ = (Index("ix_workflow_action_trigger", "workflow_id", "trigger_type"), IDS_ONCE)

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner(index=False)
    trigger_type: str
    action_type: str
    action_config: Any = Field(sa_column=Column(JSON, nullable=False))
    trigger_count: int = 0
    required_triggers: int = 1
    executed: bool = False
    executed_at: str | None = None
    executed_by: int | None = None
    persistent: bool = False
    is_recovery: bool = False
    retry: bool | None = None
    claim: str | None = None
    finished_at: str | None = None
    outcome: str | None = None
    return_code: int | None = None
    failure: str | None = None
    log: str | None = None


class StoredEvent(SQLModel, table=True):
    """`timestamp` in milliseconds since the epoch."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_workflow", "workflow_id", "timestamp"), IDS_ONCE)

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner(index=False)
    timestamp: int
    data: Any = Field(sa_column=Column(JSON, nullable=False))


class RoCrateEntity(SQLModel, table=True):
    __tablename__ = "ro_crate_entity"
    __table_args__ = (
        Index("ix_ro_crate_entity_file", "file_id", **only_where("file_id IS NOT NULL")),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner()
    entity_id: str
    entity_type: str
    metadata_: dict[str, Any] = Field(sa_column=Column("metadata", JSON, nullable=False))
    file_id: int | None = Field(default=None, foreign_key="file.id", ondelete="SET NULL")
