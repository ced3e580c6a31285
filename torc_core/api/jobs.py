"""Jobs, claims, starts and completions."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from torc_core.api.base import ApiModel
from torc_core.api.labels import Labels
from torc_core.api.results import ResultModel
from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.jobs.status import JobStatus


class ComputeNodeSchedule(ApiModel):
    scheduler_id: int
    num_jobs: int
    max_parallel_jobs: int | None = None
    start_one_worker_per_node: bool | None = None


class JobModel(ApiModel):
    """One job. `status`, `attempt_id`, `start_time` and `compute_node_id` are the server's to set.

    The lists of ids are null unless relationships were asked for.
    """

    id: int | None = None
    workflow_id: int
    name: str
    command: str
    status: JobStatus | None = None
    invocation_script: str | None = None
    env: dict[str, str] | None = None
    cancel_on_blocking_job_failure: bool | None = None
    supports_termination: bool | None = None
    depends_on_job_ids: list[int] | None = None
    input_file_ids: list[int] | None = None
    output_file_ids: list[int] | None = None
    input_user_data_ids: list[int] | None = None
    output_user_data_ids: list[int] | None = None
    resource_requirements_id: int | None = None
    scheduler_id: int | None = None
    failure_handler_id: int | None = None
    attempt_id: int | None = None
    infrastructure_faults: int | None = None
    """Attempts lost to the infrastructure; they are not charged to a handler's max_retries."""
    lost_claims: int | None = None
    """Attempt numbers that a runner was given and of which no attempt is known; no rule is charged for them either."""
    is_suspect: bool | None = None
    """It ran when its runner's launcher was lost, and may be to blame: runners run it alone until an attempt ends."""
    priority: int | None = Field(default=None, ge=0)
    schedule_compute_nodes: ComputeNodeSchedule | None = None
    start_time: str | None = None
    compute_node_id: int | None = None
    labels: Labels | None = None
    """What a runner must have, all of it, to be given the job. In an update an empty list clears them."""
    origin: str | None = None
    """`spawn`: added by a running job; `retry`: sent back after a failed attempt; null: declared, and not retried."""


class JobDraft(ApiModel):
    """One job of a workflow draft. The relations hold positions, from 0, in the draft's own lists."""

    name: str
    command: str
    invocation_script: str | None = None
    env: dict[str, str] | None = None
    cancel_on_blocking_job_failure: bool = True
    supports_termination: bool = False
    priority: int = Field(default=0, ge=0)
    labels: Labels | None = None
    depends_on: list[int] = Field(default_factory=list)
    input_files: list[int] = Field(default_factory=list)
    output_files: list[int] = Field(default_factory=list)
    input_user_data: list[int] = Field(default_factory=list)
    output_user_data: list[int] = Field(default_factory=list)
    resource_requirements: int | None = None
    failure_handler: int | None = None
    scheduler: int | None = None


SHARED_JOB_FIELDS: Final = tuple(field for field in JobDraft.model_fields if field in JobModel.model_fields)
"""The fields that a draft, a job and its row hold under one name. Inserts, updates and exports are derived from it."""

PLAIN_JOB_FIELDS: Final = tuple(
    field for field in SHARED_JOB_FIELDS if field not in {"name", "command", "invocation_script", "env", "labels"}
)
"""The shared fields that a workflow file holds under the same name and whose value no parameter changes."""

JOB_FIELD_DEFAULTS: Final[Mapping[str, Any]] = {
    field: None if (info := JobDraft.model_fields[field]).is_required() else info.get_default(call_default_factory=True)
    for field in SHARED_JOB_FIELDS
}
"""What is stored for a shared field that is null."""


def shared_job_values(job: JobModel) -> dict[str, Any]:
    """Return the job's shared fields by name, with the default for each that is null."""
    values = {field: getattr(job, field) for field in SHARED_JOB_FIELDS}
    return {field: JOB_FIELD_DEFAULTS[field] if value is None else value for field, value in values.items()}


class JobsModel(ApiModel):
    """Body and answer of a bulk create; the order is kept."""

    jobs: list[JobModel]


class Capacity(ApiModel):
    """What a runner has in all, free or not. `memory_gb` is GiB."""

    num_cpus: int = Field(ge=0)
    num_gpus: int = Field(default=0, ge=0)
    num_nodes: int = Field(default=1, ge=1)
    memory_gb: float = Field(ge=0)


class ComputeNodesResources(Capacity):
    """What a runner has free now. `time_limit` is an ISO 8601 duration, absent means unlimited.

    CPUs, GPUs and memory are per node. `id` is the runner's compute node: the claimed jobs are noted as its own.
    With `takes_unstated_runtime` jobs that state no runtime fit into any `time_limit`.
    `ahead` more jobs are claimed that do not fit now but fit into `capacity` one by one: the runner queues
    them, so that short jobs do not wait for a round trip. A runner of another run than `run_id` is given nothing.
    """

    id: int | None = None
    run_id: int | None = None
    labels: Labels | None = None
    """The runner's labels: without any it is given only jobs that have none."""
    time_limit: str | None = None
    takes_unstated_runtime: bool = False
    scheduler_config_id: int | None = None
    ahead: int = Field(default=0, ge=0)
    capacity: Capacity | None = None


class JobNeed(Capacity):
    """What one job needs: CPUs, GPUs and memory on each of its nodes, and `runtime` as an ISO 8601 duration."""

    runtime: str


class Outlook(ApiModel):
    """What a runner that claimed nothing can expect.

    `active` counts jobs pending or running anywhere, `ready` jobs that any runner could claim, `ready_that_fit` those
    the asking runner could run were it idle, `ready_with_other_labels` those whose labels it lacks, counted when none
    fits. With active and ready_that_fit both 0 nothing will become ready for it in this run. `smallest_need` is that of
    the most modest ready job when none fits. `run_id` is the workflow's present run.
    """

    run_id: int | None = None

    active: int = 0
    ready: int = 0
    ready_with_other_labels: int = 0
    ready_that_fit: int = 0
    blocked: int = 0
    pending_failed: int = 0
    is_complete: bool = False
    is_canceled: bool = False
    smallest_need: JobNeed | None = None


class ClaimedJobs(ApiModel):
    """Jobs now pending for the caller; `outlook` is filled when there are none."""

    jobs: list[JobModel]
    reason: str | None = None
    outlook: Outlook | None = None


class StartJobsRequest(ApiModel):
    """Jobs whose processes were started by one runner, in one request."""

    run_id: int
    compute_node_id: int
    job_ids: list[int]


class JobError(ApiModel):
    """Why one job of a batch was not changed; `code` is that of the error it would have been alone."""

    job_id: int
    message: str
    code: str = "state_conflict"


class StartJobsResponse(ApiModel):
    started: list[int]
    errors: list[JobError] = Field(default_factory=list)


class RetryRequest(ApiModel):
    """The handler's rule allows another attempt; the server checks `max_retries` again."""

    max_retries: int


class JobCompletion(ApiModel):
    """The end of one attempt. With `retry` the attempt's failure is recorded and the job goes back to ready."""

    job_id: int
    status: JobStatus
    run_id: int
    result: ResultModel
    evidence: Evidence | None = None
    retry: RetryRequest | None = None
    unmatched_failure: bool = False
    """No handler rule decided about this failure; the server makes it pending_failed where that is in use."""
    infrastructure_fault: bool = False
    """The job is not to blame: it goes back to ready, too, as often as the limit for such faults allows."""
    claimed: bool = False
    """The runner claimed the job and holds it; without it, a program of one's own ran a ready job without a claim."""
    output_mtimes: dict[int, float] = Field(default_factory=dict)
    """By file id, when the files that the attempt wrote were last modified, in seconds since the epoch."""


class CompleteJobsRequest(ApiModel):
    completions: list[JobCompletion]


class CompleteJobsResponse(ApiModel):
    """`completed` holds every job whose attempt was recorded, the retried ones too."""

    completed: list[int]
    errors: list[JobError] = Field(default_factory=list)
    retried: list[int] = Field(default_factory=list)


class ReleaseClaimsRequest(ApiModel):
    """Gives claimed jobs back that were not started."""

    compute_node_id: int | None = None
    job_ids: list[int]


class ReleaseClaimsResponse(ApiModel):
    released: int


class ReclaimRequest(ApiModel):
    """Reclaims the orphans: everything held by runners that are gone.

    `requeue` sends started jobs back to the queue (bounded by the limit for infrastructure faults);
    otherwise they become failed, or pending_failed where that is in use. Jobs never started go back to ready.
    """

    compute_node_ids: list[int]
    requeue: bool = False
    reason: str
    scheduler: SchedulerFacts | None = None
    """The end of the allocation that these runners worked in, where the scheduler says it has ended."""
    ended_at: AwareDatetime | None = None
    """When the allocation ended, and the jobs with it; they ran until now where it is not known."""


class ReclaimedJob(ApiModel):
    job_id: int
    job_name: str
    attempt_id: int
    outcome: Literal["requeued", "failed", "pending_failed", "released"]


class ReclaimResponse(ApiModel):
    jobs: list[ReclaimedJob]


class RunningJob(ApiModel):
    job_id: int
    job_name: str
    compute_node_name: str
    scheduler_type: str
    scheduler_job_id: str | None = None
    start_time: str | None = None


class EvidenceModel(ApiModel):
    """The stored evidence of one attempt."""

    workflow_id: int
    job_id: int
    job_name: str
    run_id: int
    attempt_id: int
    evidence: Evidence
