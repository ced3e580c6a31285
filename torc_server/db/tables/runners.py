"""Tables of runners, allocations and schedulers."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from torc_server.db.dialect import BY_PRIMARY_KEY, IDS_ONCE, only_where
from torc_server.db.tables.columns import json_column, link, owner


class ComputeNode(SQLModel, table=True):
    """One runner process on one machine."""

    __tablename__ = "compute_node"
    __table_args__ = (
        Index("ix_compute_node_workflow", "workflow_id", "is_active"),
        Index(
            "uq_compute_node_registration",
            "workflow_id",
            "registration",
            unique=True,
            **only_where("registration IS NOT NULL"),
        ),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner(index=False)
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
    end_time: str | None = None
    labels: list[str] | None = Field(default=None, sa_column=json_column())
    scheduler_config_id: int | None = None
    scheduler: Any | None = Field(default=None, sa_column=json_column())
    peak_memory_bytes: int | None = None
    avg_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    avg_cpu_percent: float | None = None
    sample_count: int | None = None
    last_heartbeat: str | None = None
    registration: str | None = None


class ScheduledComputeNode(SQLModel, table=True):
    """One allocation asked of a scheduler; `scheduler_id` is the scheduler's own job id."""

    __tablename__ = "scheduled_compute_node"
    __table_args__ = (
        Index("ix_scheduled_compute_node_workflow", "workflow_id", "status"),
        Index(
            "uq_scheduled_compute_node_submission",
            "workflow_id",
            "submission",
            unique=True,
            **only_where("submission IS NOT NULL"),
        ),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner(index=False)
    scheduler_id: int
    scheduler_config_id: int
    scheduler_type: str
    status: str
    cluster: str | None = None
    array: str | None = None
    array_record_id: int | None = None
    submission: str | None = None


class SlurmScheduler(SQLModel, table=True):
    __tablename__ = "slurm_scheduler"
    __table_args__ = IDS_ONCE

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner()
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
    serialize_allocations: bool | None = None


class LocalScheduler(SQLModel, table=True):
    __tablename__ = "local_scheduler"
    __table_args__ = IDS_ONCE

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner()
    name: str | None = None
    memory: str | None = None
    num_cpus: int | None = None


class SlurmStats(SQLModel, table=True):
    __tablename__ = "slurm_stats"
    __table_args__ = (
        UniqueConstraint("job_id", "run_id", "attempt_id", name="uq_slurm_stats_attempt"),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner()
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
    __table_args__ = BY_PRIMARY_KEY

    workflow_id: int = link("workflow")
    worker: str = Field(primary_key=True)
