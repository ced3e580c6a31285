"""The keys of a workflow file. Null stands for a key that is absent, where it may be."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from torc_core.api.actions import ActionType, TriggerType
from torc_core.api.configs import DynamicJobsConfig, ExecutionConfig, ResourceMonitorConfig, StdioConfig
from torc_core.notifications import TARGET_NAME, NotificationKind
from torc_core.secret_references import reference_of
from torc_core.spec.values import plain_text


def _refuse_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _text_of_number(value: object) -> object:
    return str(value) if type(value) is int else value


def _text_of_scalar(value: object) -> object:
    return plain_text(value) if isinstance(value, bool | int | float) else value


def _text_of_env(value: object) -> object:
    return str(reference_of(value)) if isinstance(value, dict) else _text_of_scalar(value)


Text = Annotated[str, AfterValidator(_refuse_blank)]
Quantity = Annotated[str, BeforeValidator(_text_of_number)]
EnvValue = Annotated[str, BeforeValidator(_text_of_env)]
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
Positive = Annotated[int, Field(ge=1, le=2_147_483_647)]
ExitCode = Annotated[int, Field(ge=-2_147_483_648, le=2_147_483_647)]
Env = dict[str, EnvValue]


class SpecModel(BaseModel):
    """Base: an unknown key is an error, and a value has the type it is written with."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Parameterized(SpecModel):
    """An entry that its parameters expand to many."""

    name: Text
    """Name, unique within its list; jobs may share one (with a warning). `{parameter}` stands for a value."""
    parameters: dict[str, Any] | None = None
    """Makes one entry for each combination of values: see Parameters."""
    parameter_mode: Literal["product", "zip"] | None = None
    """`product` combines all values, `zip` takes them in pairs. Default: `product`."""
    use_parameters: list[Text] | None = None
    """Names of the workflow's shared parameters that apply here."""
    parameters_file: Text | None = None
    """A table (`.csv`, `.json`, `.jsonl`) whose rows make one entry each, instead of `parameters`."""
    use_parameters_file: bool | None = None
    """Whether the workflow's `parameters_file` applies here. Default: false."""


class JobSpec(Parameterized):
    command: Text
    """What bash runs."""
    invocation_script: Text | None = None
    """Put before the command: with a blank between, or as lines of its own if it has several."""
    env: Env | None = None
    """Environment variables on top of the workflow's; `{from_env: NAME}` and `{from_file: PATH}` name a secret."""
    priority: Count | None = None
    """Higher is claimed first. Default: 0."""
    cancel_on_blocking_job_failure: bool | None = None
    """Whether the failure of a job that this one waits for cancels it. Default: true."""
    supports_termination: bool | None = None
    """Whether the job understands the termination signal. Default: false."""
    resource_requirements: Text | None = None
    """Name of a resource requirement. Default: no limits."""
    failure_handler: Text | None = None
    """Name of a failure handler."""
    scheduler: Text | None = None
    """Name of a Slurm scheduler."""
    labels: list[Text] | None = None
    """Labels that a runner must have, all of them, to take the job: `torc run --label`."""
    stdio: StdioConfig | None = None
    """Where this job's output goes, instead of `execution_config.stdio`."""
    depends_on: list[Text] | None = None
    """Names of jobs that have to be completed before."""
    depends_on_regexes: list[Text] | None = None
    """The same, by regular expression."""
    input_files: list[Text] | None = None
    """Names of files that the job reads: it waits for the jobs that write them."""
    input_file_regexes: list[Text] | None = None
    """The same, by regular expression."""
    output_files: list[Text] | None = None
    """Names of files that the job writes. One that is missing after exit 0 fails the attempt."""
    output_file_regexes: list[Text] | None = None
    """The same, by regular expression."""
    input_user_data: list[Text] | None = None
    """Names of user data that the job reads: it waits for the jobs that write them."""
    input_user_data_regexes: list[Text] | None = None
    """The same, by regular expression."""
    output_user_data: list[Text] | None = None
    """Names of user data that the job writes."""
    output_user_data_regexes: list[Text] | None = None
    """The same, by regular expression."""


class FileSpec(Parameterized):
    path: Text
    """Path of the file; a relative one counts from the folder of `torc run`."""
    st_mtime: float | None = None
    """Modification time in seconds since the epoch. Default: that of the file."""
    identifier: Text | None = None
    """Name of the file in an RO-Crate."""


class UserDataSpec(Parameterized):
    data: Any | None = None
    """Any JSON value; parameters in texts inside it are filled in."""
    is_ephemeral: bool | None = None
    """Whether the value is cleared when a run begins. Default: false."""


class ResourceRequirementsSpec(SpecModel):
    name: Text
    """Name, unique."""
    num_cpus: Positive
    """CPUs, at least 1."""
    memory: Quantity
    """Whole number with k, m, g or t, binary (`512m`, `16g`); without a letter bytes."""
    num_gpus: Count | None = None
    """GPUs. Default: 0."""
    num_nodes: Positive | None = None
    """Nodes. Default: 1."""
    runtime: Quantity | None = None
    """ISO 8601 duration: `PT30M`, `PT4H`, `P1DT12H`. Default: `PT1H`."""


class FailureRuleSpec(SpecModel):
    """`recovery_timeout_s` bounds the recovery script, in seconds."""

    exit_codes: list[ExitCode] | None = None
    """Return codes that the rule matches."""
    match_all_exit_codes: bool | None = None
    """Whether it matches every return code but 0. Default: false."""
    recovery_script: Text | None = None
    """Run by bash before the retry."""
    recovery_timeout_s: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Seconds that the script may take. Default: 600."""
    max_retries: Count | None = None
    """Bound on attempts: 3 allows attempts 1, 2 and 3; 1 or less never retries. Default: 3."""


class FailureHandlerSpec(SpecModel):
    name: Text
    """Name, unique."""
    rules: list[FailureRuleSpec]
    """Rules in the order in which they are tried; the first that matches applies."""


class SlurmSchedulerSpec(SpecModel):
    name: Text
    """Name, unique."""
    account: Text
    """Slurm account."""
    nodes: Positive | None = None
    """Nodes of an allocation. Default: 1."""
    walltime: Text | None = None
    """Time limit: `04:00:00`, `1-12:00:00`. Default: `01:00:00`."""
    partition: Text | None = None
    """Slurm partition."""
    qos: Text | None = None
    """Quality of service."""
    gres: Text | None = None
    """Generic resources: `gpu:2`."""
    mem: Quantity | None = None
    """Memory of each node."""
    ntasks_per_node: Positive | None = None
    """Tasks on each node."""
    tmp: Quantity | None = None
    """Local disk of each node."""
    extra: Text | None = None
    """More options of `sbatch`, as text."""
    serialize_allocations: bool | None = None
    """Whether each of its allocations begins only when the one before it has ended. Default: false."""


class ActionSpec(SpecModel):
    trigger_type: TriggerType
    """What the action waits for."""
    action_type: ActionType
    """What it does."""
    jobs: list[Text] | None = None
    """Names of jobs, for the triggers `on_jobs_ready` and `on_jobs_complete`."""
    job_name_regexes: list[Text] | None = None
    """The same, by regular expression."""
    commands: list[Text] | None = None
    """Commands of `run_commands`, each run by bash."""
    scheduler: Text | None = None
    """Name of a Slurm scheduler, for `schedule_nodes`."""
    scheduler_type: Literal["slurm"] | None = None
    """Kind of scheduler, for `schedule_nodes`."""
    num_allocations: Positive | None = None
    """Allocations to ask for. Default: 1."""
    start_one_worker_per_node: bool | None = None
    """One runner on each node instead of one for the allocation. Default: false."""
    serialize_allocations: bool | None = None
    """Whether each allocation begins only when the one before it has ended. Default: that of the scheduler."""
    max_at_once: Positive | None = None
    """So many of the allocations run at a time. Default: all."""
    max_parallel_jobs: Positive | None = None
    """Bound on the jobs that each of these runners runs at once."""
    persistent: bool | None = None
    """Whether it is carried out each time its trigger comes. Default: true for worker triggers, else false."""
    retry: bool | None = None
    """Whether it is carried out again when its runner died before it reported the end. Default: true."""


class NotificationSpec(SpecModel):
    to: Annotated[Text, Field(pattern=TARGET_NAME)]
    """Name of a target in the server's file of targets."""
    on: Annotated[list[NotificationKind], Field(min_length=1)] | None = None
    """What it hears of: jobs are `waiting`, it `ended`, recovery `gave_up`, allocations `not_started`. Default: all."""


class WorkflowSpec(SpecModel):
    name: Text | None = None
    """Name of the workflow. Default: the name of the file."""
    user: Text | None = None
    """Owner of the workflow."""
    description: str | None = None
    """Free text."""
    project: str | None = None
    """Free text."""
    metadata: Any | None = None
    """A mapping, or text that holds one as JSON; kept as it is."""
    env: Env | None = None
    """Environment variables of all jobs; numbers, true and false become text; secrets are named as in jobs."""
    parameters: dict[str, Any] | None = None
    """Shared parameters; they apply only where `use_parameters` names them."""
    parameters_file: Text | None = None
    """A shared table; it applies only where `use_parameters_file: true` says so."""
    variables: dict[str, Any] | None = None
    """Constants: `{name}` stands for one in every text of the file."""
    jobs: list[JobSpec]
    """The jobs, at least one."""
    files: list[FileSpec] | None = None
    """Files that jobs read and write."""
    user_data: list[UserDataSpec] | None = None
    """JSON values that jobs read and write."""
    resource_requirements: list[ResourceRequirementsSpec] | None = None
    """What jobs need."""
    failure_handlers: list[FailureHandlerSpec] | None = None
    """Rules that retry failed attempts by return code."""
    slurm_schedulers: list[SlurmSchedulerSpec] | None = None
    """How allocations are asked for."""
    actions: list[ActionSpec] | None = None
    """Commands and allocations that a trigger sets off."""
    slurm_defaults: dict[str, Any] | None = None
    """`sbatch` options of every scheduler, but for those that a scheduler sets itself."""
    resource_monitor: ResourceMonitorConfig | None = None
    """Samples of what jobs use over time."""
    execution_config: ExecutionConfig | None = None
    """How the runner starts, limits and stops jobs."""
    dynamic_jobs: DynamicJobsConfig | None = None
    """Bounds on jobs that jobs add."""
    use_pending_failed: bool | None = None
    """Whether a failure that no rule matches waits for a decision. Default: the server's setting."""
    max_raise: Annotated[float, Field(ge=1, le=1000)] | None = None
    """At most so many times request or use by a decision, below the server's bound. Default: the server's setting."""
    enable_ro_crate: bool | None = None
    """Whether provenance is described as an RO-Crate. Default: false."""
    notifications: list[NotificationSpec] | None = None
    """Who is notified of what, beside the server's target `default`."""
    access_groups: list[Text] | None = None
    """Names of access groups, each of which exists, whose members may work with the workflow."""
    compute_node_wait_for_new_jobs_seconds: Count | None = None
    """Seconds that an idle runner waits while other runners may free jobs. Default: as long as they run."""
    compute_node_ignore_workflow_completion: bool | None = None
    """Whether runners stay when the workflow is complete. Default: false."""
    compute_node_wait_for_healthy_database_minutes: Count | None = None
    """Minutes that a runner waits for a server that is away. Default: 20."""
    compute_node_expiration_buffer_seconds: Count | None = None
    """Seconds that a runner keeps at the end of its allocation."""
    compute_node_min_time_for_new_jobs_seconds: Count | None = None
    """No jobs are claimed when a runner has less time left, in seconds."""
    jobs_sort_method: Literal["none", "gpus_runtime_memory", "gpus_memory_runtime"] | None = None
    """Order in which jobs are claimed."""
