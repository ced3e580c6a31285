"""Tables of jobs, of what links them to other records, and of their ended attempts."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from torc_core.jobs.status import STATUS_CODES, JobStatus
from torc_server.db.dialect import BY_PRIMARY_KEY, IDS_ONCE, only_where
from torc_server.db.tables.columns import json_column, link, owner

_ZERO: Final[Mapping[str, Any]] = {"server_default": text("0")}
"""For columns that were added to tables with rows."""


class Job(SQLModel, table=True):
    """One job.

    The amounts are copies of the requirement's, so that a claim reads one index. `unresolved_dependencies`
    counts the dependencies that are not done. `compute_node_id` is the runner that holds the job,
    `start_time` when it started it; both are NULL while no runner holds it. `last_attempt` is the highest attempt
    number that a runner was given, in the run `last_attempt_run`.
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
            "labels",
            **only_where(f"status = {STATUS_CODES[JobStatus.READY]}"),
        ),
        Index("ix_job_held", "compute_node_id", **only_where("compute_node_id IS NOT NULL")),
        Index("ix_job_failure_handler", "failure_handler_id", **only_where("failure_handler_id IS NOT NULL")),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner(index=False)
    name: str
    command: str
    invocation_script: str | None = None
    env: dict[str, str] | None = Field(default=None, sa_column=json_column())
    status: int = 0
    cancel_on_blocking_job_failure: bool = True
    supports_termination: bool = False
    priority: int = 0
    labels: list[str] | None = Field(default=None, sa_column=json_column())
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
    lost_claims: int = Field(default=0, sa_column_kwargs=_ZERO)
    is_suspect: bool = Field(default=False, sa_column_kwargs=_ZERO)
    last_attempt: int = Field(default=0, sa_column_kwargs=_ZERO)
    last_attempt_run: int = Field(default=0, sa_column_kwargs=_ZERO)
    unresolved_dependencies: int = 0
    compute_node_id: int | None = None
    start_time: str | None = None
    input_hash: str | None = None
    origin: str | None = None


class JobDependsOn(SQLModel, table=True):
    """`job_id` waits for `depends_on_job_id`; holds the dependencies inferred from files and user data too."""

    __tablename__ = "job_depends_on"
    __table_args__ = (Index("ix_job_depends_on_reverse", "depends_on_job_id", "job_id"), BY_PRIMARY_KEY)

    job_id: int = link("job")
    depends_on_job_id: int = link("job")


class JobInputFile(SQLModel, table=True):
    __tablename__ = "job_input_file"
    __table_args__ = (Index("ix_job_input_file_reverse", "file_id", "job_id"), BY_PRIMARY_KEY)

    job_id: int = link("job")
    file_id: int = link("file")


class JobOutputFile(SQLModel, table=True):
    __tablename__ = "job_output_file"
    __table_args__ = (Index("ix_job_output_file_reverse", "file_id", "job_id"), BY_PRIMARY_KEY)

    job_id: int = link("job")
    file_id: int = link("file")


class JobInputUserData(SQLModel, table=True):
    __tablename__ = "job_input_user_data"
    __table_args__ = (Index("ix_job_input_user_data_reverse", "user_data_id", "job_id"), BY_PRIMARY_KEY)

    job_id: int = link("job")
    user_data_id: int = link("user_data")


class JobOutputUserData(SQLModel, table=True):
    __tablename__ = "job_output_user_data"
    __table_args__ = (Index("ix_job_output_user_data_reverse", "user_data_id", "job_id"), BY_PRIMARY_KEY)

    job_id: int = link("job")
    user_data_id: int = link("user_data")


class WorkflowActionJob(SQLModel, table=True):
    """A job that gates an action (the `job_ids` of the contract); each is counted once a run, when `counted`.

    One that is `left_out` is not waited for in this run: another action asks for its allocations.
    """

    __tablename__ = "workflow_action_job"
    __table_args__ = (Index("ix_workflow_action_job_reverse", "job_id", "action_id"), BY_PRIMARY_KEY)

    action_id: int = link("workflow_action")
    job_id: int = link("job")
    counted: bool = False
    left_out: bool = Field(default=False, sa_column_kwargs=_ZERO)


class ActionClaim(SQLModel, table=True):
    """The claim of a persistent action by one runner, which carries it out once; `claim` names it."""

    __tablename__ = "action_claim"
    __table_args__ = (BY_PRIMARY_KEY,)

    action_id: int = link("workflow_action")
    compute_node_id: int = link("compute_node")
    claim: str | None = None
    finished_at: str | None = None


class Result(SQLModel, table=True):
    """One ended attempt. A job's current result is the one of its newest run and attempt."""

    __tablename__ = "result"
    __table_args__ = (
        UniqueConstraint("job_id", "run_id", "attempt_id", name="uq_result_attempt"),
        Index("ix_result_workflow", "workflow_id", "run_id"),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner(index=False)
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
    """The evidence of a failed attempt; `signature` groups what failed alike, `cause` is the line that says why."""

    __tablename__ = "failure_evidence"
    __table_args__ = (
        UniqueConstraint("job_id", "run_id", "attempt_id", name="uq_failure_evidence_attempt"),
        Index("ix_failure_evidence_signature", "workflow_id", "signature"),
        IDS_ONCE,
    )

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = owner(index=False)
    job_id: int = Field(foreign_key="job.id", ondelete="CASCADE")
    run_id: int
    attempt_id: int
    signature: str | None = None
    data: str = Field(sa_column=Column(Text, nullable=False))
    cause: str | None = Field(default=None, sa_column=Column(Text))
