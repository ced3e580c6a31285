"""Every table of the database. Times are RFC 3339 text in UTC unless the name carries a unit."""

from typing import Any, Final

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from torc_core.jobs.status import STATUS_CODES, JobStatus

_AUTOINCREMENT: Final = {"sqlite_autoincrement": True}
"""Ids are never given out twice, so that a late report cannot meet a stranger's record."""
_NO_ROWID: Final = {"sqlite_with_rowid": False}
_READY: Final = STATUS_CODES[JobStatus.READY]


def _json(name: str | None = None) -> Column[Any]:
    kind = JSON(none_as_null=True)
    return Column(kind) if name is None else Column(name, kind)


def _owner(*, index: bool = True) -> Any:
    """The workflow a record belongs to and goes with."""
    return Field(foreign_key="workflow.id", ondelete="CASCADE", index=index)


class Workflow(SQLModel, table=True):
    """`use_pending_failed` NULL means the server's setting; `run_id` counts the runs from 1."""

    __tablename__ = "workflow"
    __table_args__ = (Index("ix_workflow_user", "user"), _AUTOINCREMENT)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    user: str
    description: str | None = None
    timestamp: str
    project: str | None = None
    metadata_: dict[str, Any] | None = Field(default=None, sa_column=_json("metadata"))
    run_id: int = 1
    is_canceled: bool = False
    is_archived: bool = False
    use_pending_failed: bool | None = None
    enable_ro_crate: bool | None = None
    env: dict[str, str] | None = Field(default=None, sa_column=_json())
    submission_directory: str | None = None
    compute_node_expiration_buffer_seconds: int | None = None
    compute_node_ignore_workflow_completion: bool | None = None
    compute_node_min_time_for_new_jobs_seconds: int | None = None
    compute_node_wait_for_healthy_database_minutes: int | None = None
    compute_node_wait_for_new_jobs_seconds: int | None = None
    resource_monitor_config: dict[str, Any] | None = Field(default=None, sa_column=_json())
    execution_config: dict[str, Any] | None = Field(default=None, sa_column=_json())
    slurm_defaults: dict[str, Any] | None = Field(default=None, sa_column=_json())
    dynamic_jobs: dict[str, Any] | None = Field(default=None, sa_column=_json())


class ResourceRequirements(SQLModel, table=True):
    """What jobs need; `memory_bytes` and `runtime_s` are the texts `memory` and `runtime` as numbers."""

    __tablename__ = "resource_requirements"
    __table_args__ = _AUTOINCREMENT

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner()
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
    __table_args__ = _AUTOINCREMENT

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner()
    name: str
    rules: str


class Job(SQLModel, table=True):
    """One job.

    The amounts are copies of the requirement's, so that a claim reads one index. `unresolved_dependencies`
    counts the dependencies that are not done. `compute_node_id` is the runner that holds the job,
    `start_time` when it started it; both are NULL while nobody does.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_workflow_status", "workflow_id", "status"),
        Index(
            "ix_job_ready",
            "workflow_id",
            text("priority DESC"),
            text("num_gpus DESC"),
            text("runtime_s DESC"),
            text("memory_bytes DESC"),
            text("num_cpus DESC"),
            "id",
            "num_nodes",
            "scheduler_id",
            sqlite_where=text(f"status = {_READY}"),
        ),
        Index("ix_job_held", "compute_node_id", sqlite_where=text("compute_node_id IS NOT NULL")),
        Index("ix_job_failure_handler", "failure_handler_id", sqlite_where=text("failure_handler_id IS NOT NULL")),
        _AUTOINCREMENT,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner(index=False)
    name: str
    command: str
    invocation_script: str | None = None
    env: dict[str, str] | None = Field(default=None, sa_column=_json())
    status: int = 0
    cancel_on_blocking_job_failure: bool = True
    supports_termination: bool = False
    priority: int = 0
    resource_requirements_id: int = Field(foreign_key="resource_requirements.id", index=True)
    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory_bytes: int
    runtime_s: float
    scheduler_id: int | None = None
    failure_handler_id: int | None = Field(default=None, foreign_key="failure_handler.id", ondelete="SET NULL")
    attempt_id: int = 1
    infrastructure_faults: int = 0
    unresolved_dependencies: int = 0
    compute_node_id: int | None = None
    start_time: str | None = None
    input_hash: str | None = None
    origin: str | None = None


def _link(table: str) -> Any:
    return Field(primary_key=True, foreign_key=f"{table}.id", ondelete="CASCADE")


class JobDependsOn(SQLModel, table=True):
    """`job_id` waits for `depends_on_job_id`; holds the dependencies inferred from files and user data too."""

    __tablename__ = "job_depends_on"
    __table_args__ = (Index("ix_job_depends_on_reverse", "depends_on_job_id", "job_id"), _NO_ROWID)

    job_id: int = _link("job")
    depends_on_job_id: int = _link("job")


class JobInputFile(SQLModel, table=True):
    __tablename__ = "job_input_file"
    __table_args__ = (Index("ix_job_input_file_reverse", "file_id", "job_id"), _NO_ROWID)

    job_id: int = _link("job")
    file_id: int = _link("file")


class JobOutputFile(SQLModel, table=True):
    __tablename__ = "job_output_file"
    __table_args__ = (Index("ix_job_output_file_reverse", "file_id", "job_id"), _NO_ROWID)

    job_id: int = _link("job")
    file_id: int = _link("file")


class JobInputUserData(SQLModel, table=True):
    __tablename__ = "job_input_user_data"
    __table_args__ = (Index("ix_job_input_user_data_reverse", "user_data_id", "job_id"), _NO_ROWID)

    job_id: int = _link("job")
    user_data_id: int = _link("user_data")


class JobOutputUserData(SQLModel, table=True):
    __tablename__ = "job_output_user_data"
    __table_args__ = (Index("ix_job_output_user_data_reverse", "user_data_id", "job_id"), _NO_ROWID)

    job_id: int = _link("job")
    user_data_id: int = _link("user_data")


class File(SQLModel, table=True):
    """`st_mtime` in seconds since the epoch; NULL while the file does not exist."""

    __tablename__ = "file"
    __table_args__ = _AUTOINCREMENT

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner()
    name: str
    path: str
    st_mtime: float | None = None


class UserData(SQLModel, table=True):
    """`data` NULL means not produced yet."""

    __tablename__ = "user_data"
    __table_args__ = _AUTOINCREMENT

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner()
    name: str
    is_ephemeral: bool = False
    data: Any | None = Field(default=None, sa_column=_json())


class Result(SQLModel, table=True):
    """One ended attempt. A job's current result is the one of its newest run and attempt."""

    __tablename__ = "result"
    __table_args__ = (
        UniqueConstraint("job_id", "run_id", "attempt_id", name="uq_result_attempt"),
        Index("ix_result_workflow", "workflow_id", "run_id"),
        _AUTOINCREMENT,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner(index=False)
    job_id: int = Field(foreign_key="job.id", ondelete="CASCADE")
    run_id: int
    attempt_id: int
    compute_node_id: int
    return_code: int
    exec_time_minutes: float
    completion_time: str
    status: int
    peak_memory_bytes: int | None = None
    avg_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    avg_cpu_percent: float | None = None
    cpu_time_s: float | None = None


class FailureEvidence(SQLModel, table=True):
    """What a failed attempt left behind; `signature` groups what failed alike, `cause` is the line that says why."""

    __tablename__ = "failure_evidence"
    __table_args__ = (
        UniqueConstraint("job_id", "run_id", "attempt_id", name="uq_failure_evidence_attempt"),
        Index("ix_failure_evidence_signature", "workflow_id", "signature"),
        _AUTOINCREMENT,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner(index=False)
    job_id: int = Field(foreign_key="job.id", ondelete="CASCADE")
    run_id: int
    attempt_id: int
    signature: str | None = None
    data: str = Field(sa_column=Column(Text, nullable=False))
    cause: str | None = Field(default=None, sa_column=Column(Text))


class ComputeNode(SQLModel, table=True):
    """One runner process on one machine."""

    __tablename__ = "compute_node"
    __table_args__ = (Index("ix_compute_node_workflow", "workflow_id", "is_active"), _AUTOINCREMENT)

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner(index=False)
    hostname: str
    pid: int
    start_time: str
    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory_gb: float
    compute_node_type: str
    is_active: bool = True
    duration_seconds: float | None = None
    time_limit: str | None = None
    scheduler_config_id: int | None = None
    scheduler: Any | None = Field(default=None, sa_column=_json())
    peak_memory_bytes: int | None = None
    avg_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    avg_cpu_percent: float | None = None
    sample_count: int | None = None
    last_heartbeat: str | None = None


class ScheduledComputeNode(SQLModel, table=True):
    """One allocation asked of a scheduler; `scheduler_id` is the scheduler's own job id."""

    __tablename__ = "scheduled_compute_node"
    __table_args__ = (Index("ix_scheduled_compute_node_workflow", "workflow_id", "status"), _AUTOINCREMENT)

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner(index=False)
    scheduler_id: int
    scheduler_config_id: int
    scheduler_type: str
    status: str


class SlurmScheduler(SQLModel, table=True):
    __tablename__ = "slurm_scheduler"
    __table_args__ = _AUTOINCREMENT

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner()
    name: str | None = None
    account: str
    nodes: int
    walltime: str
    partition: str | None = None
    qos: str | None = None
    gres: str | None = None
    mem: str | None = None
    ntasks_per_node: int | None = None
    tmp: str | None = None
    extra: str | None = None


class LocalScheduler(SQLModel, table=True):
    __tablename__ = "local_scheduler"
    __table_args__ = _AUTOINCREMENT

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner()
    name: str | None = None
    memory: str | None = None
    num_cpus: int | None = None


class WorkflowAction(SQLModel, table=True):
    """An action is due when `trigger_count` has reached `required_triggers` and it is not executed."""

    __tablename__ = "workflow_action"
    __table_args__ = (Index("ix_workflow_action_trigger", "workflow_id", "trigger_type"), _AUTOINCREMENT)

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner(index=False)
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


class WorkflowActionJob(SQLModel, table=True):
    """A job that gates an action (the `job_ids` of the contract); each is counted once a run, when `counted`."""

    __tablename__ = "workflow_action_job"
    __table_args__ = (Index("ix_workflow_action_job_reverse", "job_id", "action_id"), _NO_ROWID)

    action_id: int = _link("workflow_action")
    job_id: int = _link("job")
    counted: bool = False


class StoredEvent(SQLModel, table=True):
    """`timestamp` in milliseconds since the epoch."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_workflow", "workflow_id", "timestamp"), _AUTOINCREMENT)

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner(index=False)
    timestamp: int
    data: Any = Field(sa_column=Column(JSON, nullable=False))


class SlurmStats(SQLModel, table=True):
    __tablename__ = "slurm_stats"
    __table_args__ = (
        UniqueConstraint("job_id", "run_id", "attempt_id", name="uq_slurm_stats_attempt"),
        _AUTOINCREMENT,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner()
    job_id: int = Field(foreign_key="job.id", ondelete="CASCADE")
    run_id: int
    attempt_id: int
    slurm_job_id: str | None = None
    max_rss_bytes: int | None = None
    max_vm_size_bytes: int | None = None
    max_disk_read_bytes: int | None = None
    max_disk_write_bytes: int | None = None
    ave_cpu_seconds: float | None = None
    node_list: str | None = None


class RemoteWorker(SQLModel, table=True):
    __tablename__ = "remote_worker"
    __table_args__ = _NO_ROWID

    workflow_id: int = _link("workflow")
    worker: str = Field(primary_key=True)


class RoCrateEntity(SQLModel, table=True):
    __tablename__ = "ro_crate_entity"
    __table_args__ = (
        Index("ix_ro_crate_entity_file", "file_id", sqlite_where=text("file_id IS NOT NULL")),
        _AUTOINCREMENT,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = _owner()
    entity_id: str
    entity_type: str
    metadata_: dict[str, Any] = Field(sa_column=Column("metadata", JSON, nullable=False))
    file_id: int | None = Field(default=None, foreign_key="file.id", ondelete="SET NULL")


class AccessGroup(SQLModel, table=True):
    __tablename__ = "access_group"
    __table_args__ = (UniqueConstraint("name", name="uq_access_group_name"), _AUTOINCREMENT)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    description: str | None = None
    is_system: bool = False
    created_at: str


class UserGroupMembership(SQLModel, table=True):
    __tablename__ = "user_group_membership"
    __table_args__ = (
        UniqueConstraint("user_name", "group_id", name="uq_user_group_membership"),
        _AUTOINCREMENT,
    )

    id: int | None = Field(default=None, primary_key=True)
    user_name: str
    group_id: int = Field(foreign_key="access_group.id", ondelete="CASCADE", index=True)
    role: str
    created_at: str


class WorkflowAccessGroup(SQLModel, table=True):
    __tablename__ = "workflow_access_group"
    __table_args__ = (Index("ix_workflow_access_group_reverse", "group_id", "workflow_id"), _NO_ROWID)

    workflow_id: int = _link("workflow")
    group_id: int = _link("access_group")
    created_at: str
