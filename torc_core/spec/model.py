"""The keys of a workflow file, as written. Null stands for a key that is not there, wherever that is allowed."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from torc_core.api.actions import ActionType, TriggerType
from torc_core.api.configs import ExecutionConfig, ResourceMonitorConfig, StdioConfig
from torc_core.spec.values import plain_text


def _refuse_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _text_of_number(value: object) -> object:
    return str(value) if type(value) is int else value


def _text_of_scalar(value: object) -> object:
    return plain_text(value) if isinstance(value, bool | int | float) else value


Text = Annotated[str, AfterValidator(_refuse_blank)]
Quantity = Annotated[str, BeforeValidator(_text_of_number)]
EnvValue = Annotated[str, BeforeValidator(_text_of_scalar)]
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
Positive = Annotated[int, Field(ge=1, le=2_147_483_647)]
ExitCode = Annotated[int, Field(ge=-2_147_483_648, le=2_147_483_647)]
Env = dict[str, EnvValue]


class SpecModel(BaseModel):
    """Base: an unknown key is an error, and a value has the type it is written with."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Parameterized(SpecModel):
    """What becomes many by its parameters."""

    name: Text
    parameters: dict[str, Any] | None = None
    parameter_mode: Literal["product", "zip"] | None = None
    use_parameters: list[Text] | None = None


class JobSpec(Parameterized):
    command: Text
    invocation_script: Text | None = None
    env: Env | None = None
    priority: Count | None = None
    cancel_on_blocking_job_failure: bool | None = None
    supports_termination: bool | None = None
    resource_requirements: Text | None = None
    failure_handler: Text | None = None
    scheduler: Text | None = None
    stdio: StdioConfig | None = None
    depends_on: list[Text] | None = None
    depends_on_regexes: list[Text] | None = None
    input_files: list[Text] | None = None
    input_file_regexes: list[Text] | None = None
    output_files: list[Text] | None = None
    output_file_regexes: list[Text] | None = None
    input_user_data: list[Text] | None = None
    input_user_data_regexes: list[Text] | None = None
    output_user_data: list[Text] | None = None
    output_user_data_regexes: list[Text] | None = None


class FileSpec(Parameterized):
    path: Text
    st_mtime: float | None = None


class UserDataSpec(Parameterized):
    data: Any | None = None
    is_ephemeral: bool | None = None


class ResourceRequirementsSpec(SpecModel):
    name: Text
    num_cpus: Count
    memory: Quantity
    num_gpus: Count | None = None
    num_nodes: Positive | None = None
    runtime: Quantity | None = None


class FailureRuleSpec(SpecModel):
    """`recovery_timeout_s` bounds the recovery script, in seconds."""

    exit_codes: list[ExitCode] | None = None
    match_all_exit_codes: bool | None = None
    recovery_script: Text | None = None
    recovery_timeout_s: Annotated[float, Field(gt=0, le=1e9)] | None = None
    max_retries: Count | None = None


class FailureHandlerSpec(SpecModel):
    name: Text
    rules: list[FailureRuleSpec]


class SlurmSchedulerSpec(SpecModel):
    name: Text
    account: Text
    nodes: Positive | None = None
    walltime: Text | None = None
    partition: Text | None = None
    qos: Text | None = None
    gres: Text | None = None
    mem: Quantity | None = None
    ntasks_per_node: Positive | None = None
    tmp: Quantity | None = None
    extra: Text | None = None


class ActionSpec(SpecModel):
    trigger_type: TriggerType
    action_type: ActionType
    jobs: list[Text] | None = None
    job_name_regexes: list[Text] | None = None
    commands: list[Text] | None = None
    scheduler: Text | None = None
    scheduler_type: Literal["slurm"] | None = None
    num_allocations: Positive | None = None
    start_one_worker_per_node: bool | None = None
    max_parallel_jobs: Positive | None = None
    persistent: bool | None = None


class WorkflowSpec(SpecModel):
    name: Text | None = None
    user: Text | None = None
    description: str | None = None
    project: str | None = None
    metadata: Any | None = None
    env: Env | None = None
    parameters: dict[str, Any] | None = None
    jobs: list[JobSpec]
    files: list[FileSpec] | None = None
    user_data: list[UserDataSpec] | None = None
    resource_requirements: list[ResourceRequirementsSpec] | None = None
    failure_handlers: list[FailureHandlerSpec] | None = None
    slurm_schedulers: list[SlurmSchedulerSpec] | None = None
    actions: list[ActionSpec] | None = None
    slurm_defaults: dict[str, Any] | None = None
    resource_monitor: ResourceMonitorConfig | None = None
    execution_config: ExecutionConfig | None = None
    use_pending_failed: bool | None = None
    enable_ro_crate: bool | None = None
    access_groups: list[Text] | None = None
    compute_node_wait_for_new_jobs_seconds: Count | None = None
    compute_node_ignore_workflow_completion: bool | None = None
    compute_node_wait_for_healthy_database_minutes: Count | None = None
    compute_node_expiration_buffer_seconds: Count | None = None
    compute_node_min_time_for_new_jobs_seconds: Count | None = None
    jobs_sort_method: Literal["none", "gpus_runtime_memory", "gpus_memory_runtime"] | None = None
