"""A whole expanded workflow in one request; records refer to each other by their place in the lists."""

from typing import Any

from pydantic import Field

from torc_core.api.base import MAX_KEY_CHARS, ApiModel
from torc_core.api.failure_handlers import FailureRule
from torc_core.api.jobs import JobDraft
from torc_core.api.workflows import WorkflowModel


class FileDraft(ApiModel):
    name: str
    path: str
    st_mtime: float | None = None


class UserDataDraft(ApiModel):
    name: str
    data: Any | None = None
    is_ephemeral: bool = False


class ResourceRequirementsDraft(ApiModel):
    name: str
    num_cpus: int = Field(default=1, ge=1)
    num_gpus: int = Field(default=0, ge=0)
    num_nodes: int = Field(default=1, ge=1)
    memory: str = "1m"
    runtime: str = "PT1H"


class FailureHandlerDraft(ApiModel):
    name: str
    rules: list[FailureRule]


class SlurmSchedulerDraft(ApiModel):
    name: str
    account: str
    nodes: int = 1
    walltime: str = "01:00:00"
    partition: str | None = None
    qos: str | None = None
    gres: str | None = None
    mem: str | None = None
    ntasks_per_node: int | None = None
    tmp: str | None = None
    extra: str | None = None
    serialize_allocations: bool | None = None


class ActionDraft(ApiModel):
    """One action. `jobs` are positions of jobs; `scheduler` is the position of the Slurm scheduler to use."""

    trigger_type: str
    action_type: str
    action_config: dict[str, Any] = Field(default_factory=dict)
    jobs: list[int] | None = None
    scheduler: int | None = None
    persistent: bool = False
    retry: bool = True


class WorkflowDraft(ApiModel):
    """Everything that makes a workflow. The server creates all of it or nothing."""

    creation_key: str | None = Field(default=None, max_length=MAX_KEY_CHARS)
    """Chosen by the client: the same draft sent again with the same key creates nothing, and is answered alike."""
    workflow: WorkflowModel
    files: list[FileDraft] = Field(default_factory=list)
    user_data: list[UserDataDraft] = Field(default_factory=list)
    resource_requirements: list[ResourceRequirementsDraft] = Field(default_factory=list)
    failure_handlers: list[FailureHandlerDraft] = Field(default_factory=list)
    slurm_schedulers: list[SlurmSchedulerDraft] = Field(default_factory=list)
    jobs: list[JobDraft] = Field(default_factory=list)
    actions: list[ActionDraft] = Field(default_factory=list)


class WorkflowCreated(ApiModel):
    """The answer: the workflow with its id, and what came with it."""

    workflow: WorkflowModel
    job_count: int
    file_count: int
    first_job_id: int | None = None
    """Job ids are consecutive, in the order of the draft."""
