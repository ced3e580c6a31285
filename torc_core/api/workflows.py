"""A workflow and the answers about its state."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import (
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    RootModel,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from torc_core.api.base import ApiModel
from torc_core.api.configs import DynamicJobsConfig, ExecutionConfig, ResourceMonitorConfig
from torc_core.jobs.status import JobStatus

TEXT_FIELDS: Final = ("metadata", "resource_monitor_config", "slurm_defaults", "execution_config")
"""Settings that clients older than 0.24 write, and read, as JSON text."""


class WorkflowModel(ApiModel):
    """One workflow. `run_id`, `is_canceled`, `is_archived` and `timestamp` are the server's to set.

    `use_pending_failed` None means the server's own setting. A setting that was written as JSON text goes over the wire
    as text: `written_as_text` holds the names of those.
    """

    id: int | None = None
    name: str
    user: str
    description: str | None = None
    timestamp: str | None = None
    project: str | None = None
    metadata: dict[str, Any] | None = None
    run_id: int | None = None
    is_canceled: bool | None = None
    is_archived: bool | None = None
    use_pending_failed: bool | None = None
    max_raise: float | None = Field(default=None, ge=1, le=1000)
    """How many times the larger of its request and its peak a decision may give a job, where that is less than the
    server allows."""
    enable_ro_crate: bool | None = None
    env: dict[str, str] | None = None
    access_groups: list[str] | None = None
    submission_directory: str | None = None
    compute_node_expiration_buffer_seconds: int | None = None
    compute_node_ignore_workflow_completion: bool | None = None
    compute_node_min_time_for_new_jobs_seconds: int | None = None
    compute_node_wait_for_healthy_database_minutes: int | None = None
    compute_node_wait_for_new_jobs_seconds: int | None = None
    resource_monitor_config: ResourceMonitorConfig | None = None
    execution_config: ExecutionConfig | None = None
    slurm_defaults: dict[str, Any] | None = None
    dynamic_jobs: DynamicJobsConfig | None = None
    written_as_text: Annotated[list[str], SkipJsonSchema()] = Field(default_factory=list, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _read_texts(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        texts = [name for name in TEXT_FIELDS if isinstance(data.get(name), str)]
        return (
            {**data, **{name: _object_of(name, data[name]) for name in texts}, "written_as_text": texts}
            if texts
            else data
        )

    @model_serializer(mode="wrap")
    def _write_texts(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        for name in self.written_as_text:
            if isinstance(written.get(name), dict):
                written[name] = json.dumps(_without_nulls(written[name]), separators=(",", ":"))
        return written


def _object_of(name: str, text: str) -> dict[str, Any] | None:
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name} is text that is no JSON: {error}") from error
    if not isinstance(value, dict | None):
        raise ValueError(f"{name} is JSON text that holds no object")
    return value


def _without_nulls(value: Any) -> Any:
    """Return the value without null members: clients that read text know absent keys alone."""
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(item) for key, item in value.items() if item is not None}


class JobStatusCounts(RootModel[dict[JobStatus, int]]):
    """How many jobs are in each status: one number for every status there is, on the wire an object.

    Statuses that only a newer peer knows are dropped, as unknown fields of other models are.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, counts: Any) -> Any:
        if not isinstance(counts, Mapping):
            return counts
        return {status: counts.get(status, 0) for status in JobStatus}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Name each status as a property, so that generated clients have a field for it."""
        del schema, handler
        count = {"type": "integer", "default": 0}
        return {"type": "object", "title": cls.__name__, "properties": {status.value: count for status in JobStatus}}

    def __getitem__(self, status: JobStatus) -> int:
        return self.root[status]

    def total(self, statuses: Iterable[JobStatus]) -> int:
        """Return the number of jobs in any of the statuses."""
        return sum(self.root[status] for status in statuses)


class WorkflowStatusModel(ApiModel):
    """Everything a status line needs, counted by the server.

    `due_actions` are actions with commands that no runner has claimed, without those that every runner repeats;
    `due_allocation_actions` those that ask for allocations.
    """

    workflow_id: int
    workflow_name: str
    workflow_user: str
    run_id: int
    total_jobs: int
    jobs_by_status: JobStatusCounts
    total_exec_time_minutes: float
    walltime_seconds: float | None = None
    active_compute_nodes: int
    pending_scheduled_nodes: int
    active_scheduled_nodes: int
    is_complete: bool
    is_canceled: bool
    is_archived: bool = False
    due_actions: int = 0
    due_allocation_actions: int = 0
    failed_actions: int = 0
    runtime_blocked_ready_jobs: int = 0
    """Ready jobs that state a runtime longer than what is left to every active runner, where all have an end."""
    longest_ready_runtime_seconds: int | None = None
    """The longest runtime of a ready job, where some are blocked by it."""
    max_allocation_remaining_seconds: int | None = None
    """The most time that an active runner with a known end has left."""
    unserved_ready_labels: dict[str, int] = Field(default_factory=dict)
    """Labels (joined by commas) of ready jobs that no active runner has all of -> how many jobs."""


class IsComplete(ApiModel):
    is_complete: bool
    is_canceled: bool
    needs_to_run_completion_script: bool = False


class IsUninitialized(ApiModel):
    is_uninitialized: bool


class ArchiveRequest(ApiModel):
    is_archived: bool


class ResetJobsRequest(ApiModel):
    """Jobs of one workflow to send back to their beginning, with what depends on them; `run_id` is the present run."""

    job_ids: list[int]
    run_id: int


class ResetJobStatus(ApiModel):
    """`updated_count` is the jobs reset for their own sake, without their dependents."""

    workflow_id: int
    updated_count: int
    status: str = "uninitialized"
    reset_type: str | None = None


class ChangedJobInputs(ApiModel):
    """Names of the jobs whose inputs changed since the last initialize."""

    reinitialized_jobs: list[str]


class InitializeResult(ApiModel):
    message: str = "Initialized job status"
    ready_count: int = 0
    blocked_count: int = 0


class CancelResult(ApiModel):
    workflow_id: int
    canceled_jobs: int


class TaskModel(ApiModel):
    """An operation in the background: queued, running, then succeeded or failed."""

    id: int
    workflow_id: int
    operation: str
    status: str
    created_at_ms: int
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    error: str | None = None


class ActiveTask(ApiModel):
    task: TaskModel | None = None


class ReadyJobRequirements(ApiModel):
    """What all ready jobs together need (`max_*`: the largest single job)."""

    num_jobs: int
    num_cpus: int
    num_gpus: int
    memory_gb: float
    max_num_nodes: int
    max_runtime: str


class JobIds(ApiModel):
    job_ids: list[int]
    count: int = Field(default=0)


class JobOutlines(ApiModel):
    """Some facts of many jobs, as columns: a hundred thousand jobs take a tenth of the time that records take.

    `next_after` is the id to go on after, null behind the last job.
    """

    ids: list[int]
    names: list[str]
    statuses: list[JobStatus]
    resource_requirements_ids: list[int | None]
    next_after: int | None = None


class RequiredFiles(ApiModel):
    files: list[int]


class MissingUserData(ApiModel):
    user_data: list[int]


class OldWorkflowStatus(ApiModel):
    """The state of a workflow as clients older than 0.24 write it whole; a flag that is absent means false."""

    id: int | None = None
    run_id: int
    is_canceled: bool = False
    is_archived: bool = False
    has_detected_need_to_run_completion_script: bool = False
