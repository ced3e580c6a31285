"""The client of the server: one method per operation, the models of the contract in and out."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from secrets import token_hex
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from pydantic import ConfigDict, TypeAdapter

from torc_client.calls import BATCH_TIMEOUT_S, Calls
from torc_client.record_collection import RecordCollection
from torc_client.transport import QueryValue, Transport
from torc_core.api.actions import ClaimActionRequest, ClaimActionResponse, FinishActionRequest, WorkflowActionModel
from torc_core.api.base import Page
from torc_core.api.drafts import WorkflowCreated, WorkflowDraft
from torc_core.api.events import EventModel
from torc_core.api.failure_handlers import FailureHandlerModel
from torc_core.api.files import FileModel, FilesModel, UserDataModel
from torc_core.api.jobs import (
    ClaimedJobs,
    CompleteJobsRequest,
    CompleteJobsResponse,
    ComputeNodesResources,
    EvidenceModel,
    JobCompletion,
    JobModel,
    JobsModel,
    ReclaimRequest,
    ReclaimResponse,
    ReleaseClaimsRequest,
    ReleaseClaimsResponse,
    RunningJob,
    StartJobsRequest,
    StartJobsResponse,
)
from torc_core.api.nodes import ComputeNodeModel, Heartbeat, ScheduledComputeNodeModel
from torc_core.api.relationships import JobDependency, JobFileRelationship, JobUserDataRelationship
from torc_core.api.resource_requirements import (
    RegroupRequest,
    RegroupResponse,
    ResourceGroup,
    ResourceRequirementsModel,
)
from torc_core.api.results import ResultModel
from torc_core.api.schedulers import LocalSchedulerModel, SlurmSchedulerModel
from torc_core.api.spawning import SpawnJobsRequest, SpawnJobsResponse
from torc_core.api.system import Ping, Version
from torc_core.api.workflows import (
    ArchiveRequest,
    CancelResult,
    ChangedJobInputs,
    InitializeResult,
    IsComplete,
    IsUninitialized,
    JobIds,
    JobOutlines,
    MissingUserData,
    RequiredFiles,
    ResetJobsRequest,
    ResetJobStatus,
    TaskModel,
    WorkflowModel,
    WorkflowStatusModel,
)
from torc_core.credentials import SERVER_USER_VARIABLE
from torc_core.jobs.status import JobStatus

if TYPE_CHECKING:
    from torc_client.access import AccessOperations
    from torc_client.failures import FailureOperations


class JobOutline(NamedTuple):
    """Some facts of one job, for those who need them of all jobs of a large workflow."""

    id: int
    name: str
    status: JobStatus
    resource_requirements_id: int | None


_ACTIONS: Final[TypeAdapter[list[WorkflowActionModel]]] = TypeAdapter(
    list[WorkflowActionModel], config=ConfigDict(defer_build=True)
)


class TorcClient:
    """Everything a user, a runner or an agent may ask of the server.

    Records are reached through collections (`client.jobs.get(7)`), operations are methods. Every method may
    raise the TorcError that the server named, or ServerUnreachableError when there is no answer.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        c = self._calls = Calls(transport)
        self.workflows = RecordCollection(c, "/workflows", WorkflowModel, lambda: Page[WorkflowModel])
        self.jobs = RecordCollection(c, "/jobs", JobModel, lambda: Page[JobModel])
        self.results = RecordCollection(c, "/results", ResultModel, lambda: Page[ResultModel])
        self.files = RecordCollection(c, "/files", FileModel, lambda: Page[FileModel])
        self.user_data = RecordCollection(c, "/user_data", UserDataModel, lambda: Page[UserDataModel])
        self.events = RecordCollection(c, "/events", EventModel, lambda: Page[EventModel])
        self.failure_handlers = RecordCollection(
            c, "/failure_handlers", FailureHandlerModel, lambda: Page[FailureHandlerModel]
        )
        self.compute_nodes = RecordCollection(c, "/compute_nodes", ComputeNodeModel, lambda: Page[ComputeNodeModel])
        self.resource_requirements = RecordCollection(
            c, "/resource_requirements", ResourceRequirementsModel, lambda: Page[ResourceRequirementsModel]
        )
        self.scheduled_compute_nodes = RecordCollection(
            c, "/scheduled_compute_nodes", ScheduledComputeNodeModel, lambda: Page[ScheduledComputeNodeModel]
        )
        self.slurm_schedulers = RecordCollection(
            c, "/slurm_schedulers", SlurmSchedulerModel, lambda: Page[SlurmSchedulerModel]
        )
        self.local_schedulers = RecordCollection(
            c, "/local_schedulers", LocalSchedulerModel, lambda: Page[LocalSchedulerModel]
        )

    @cached_property
    def access(self) -> "AccessOperations":
        from torc_client.access import AccessOperations

        return AccessOperations(self._calls)

    @cached_property
    def failures(self) -> "FailureOperations":
        from torc_client.failures import FailureOperations

        return FailureOperations(self._calls)

    @property
    def url(self) -> str:
        return self.transport.base_url

    def environment(self) -> dict[str, str]:
        """Return the variables by which programs that are started here reach the same server as the same caller.

        They are for environments, and for files that others cannot read: never for arguments.
        """
        credentials = self.transport.credentials
        return self.address() | ({} if credentials is None else credentials.environment())

    def address(self) -> dict[str, str]:
        """Return the variables by which programs find the same server, without a proof of who they are."""
        transport = self.transport
        found = {"TORC_API_URL": transport.base_url}
        if transport.server_user is not None:
            found[SERVER_USER_VARIABLE] = transport.server_user
        if transport.tls_ca_cert is not None:
            found["TORC_TLS_CA_CERT"] = str(transport.tls_ca_cert.absolute())
        return found

    def close(self) -> None:
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- system ---------------------------------------------------------------------------------

    def ping(self) -> Ping:
        return self._calls.get("/ping", Ping)

    def version(self) -> Version:
        return self._calls.get("/version", Version)

    # -- workflows ------------------------------------------------------------------------------

    def create_from_draft(self, draft: WorkflowDraft) -> WorkflowCreated:
        """Create the whole workflow in one transaction, or nothing.

        The request has a key, so that a repetition of it creates no second workflow.
        """
        keyed = draft if draft.creation_key else draft.model_copy(update={"creation_key": token_hex(16)})
        return self._calls.post("/bulk_workflows", WorkflowCreated, keyed, timeout_s=BATCH_TIMEOUT_S)

    def workflow_status(self, workflow_id: int) -> WorkflowStatusModel:
        return self._calls.get(f"/workflows/{workflow_id}/status", WorkflowStatusModel)

    def task(self, task_id: int) -> TaskModel:
        return self._calls.get(f"/tasks/{task_id}", TaskModel)

    def is_complete(self, workflow_id: int) -> IsComplete:
        return self._calls.get(f"/workflows/{workflow_id}/is_complete", IsComplete)

    def is_uninitialized(self, workflow_id: int) -> bool:
        """Return whether every job is uninitialized or disabled."""
        return self._calls.get(f"/workflows/{workflow_id}/is_uninitialized", IsUninitialized).is_uninitialized

    def initialize_jobs(
        self, workflow_id: int, *, only_uninitialized: bool = False, clear_ephemeral_user_data: bool = False
    ) -> InitializeResult:
        """Make every uninitialized job ready or blocked; without `only_uninitialized` all jobs anew."""
        return self._calls.post(
            f"/workflows/{workflow_id}/initialize_jobs",
            InitializeResult,
            query={
                "only_uninitialized": only_uninitialized,
                "clear_ephemeral_user_data": clear_ephemeral_user_data,
            },
            timeout_s=BATCH_TIMEOUT_S,
        )

    def initialize_later(
        self, workflow_id: int, *, only_uninitialized: bool = False, clear_ephemeral_user_data: bool = False
    ) -> TaskModel:
        """Let the server initialize the jobs in the background; a task of the same request is returned again.

        Raises AlreadyTakenError while the workflow has a task for another request.
        """
        options = {"only_uninitialized": only_uninitialized, "clear_ephemeral_user_data": clear_ephemeral_user_data}
        return self._calls.post(
            f"/workflows/{workflow_id}/initialize_jobs", TaskModel, query={**options, "async": True}
        )

    def tasks(self, workflow_id: int) -> list[TaskModel]:
        """Return the tasks of a workflow, the oldest first."""
        return list(self._calls.each("/tasks", Page[TaskModel], {"workflow_id": workflow_id}))

    def reset_workflow_status(
        self, workflow_id: int, *, force: bool = False, run_id: int | None = None
    ) -> WorkflowModel:
        """Clear the canceled flag and begin a new run; with `run_id` this one, which may be asked for again."""
        return self._calls.post(
            f"/workflows/{workflow_id}/reset_status",
            WorkflowModel,
            query={"force": force, "run_id": run_id},
            idempotent=run_id is not None,
        )

    def reset_job_status(self, workflow_id: int, *, failed_only: bool = False) -> ResetJobStatus:
        """Reset jobs to uninitialized: all, or with `failed_only` the unsuccessful ones and their dependents."""
        return self._calls.post(
            f"/workflows/{workflow_id}/reset_job_status",
            ResetJobStatus,
            query={"failed_only": failed_only},
            timeout_s=BATCH_TIMEOUT_S,
        )

    def reset_jobs(self, workflow_id: int, job_ids: Sequence[int], *, run_id: int) -> ResetJobStatus:
        """Reset these jobs and their dependents to uninitialized; all or none."""
        request = ResetJobsRequest(job_ids=list(job_ids), run_id=run_id)
        return self._calls.post(
            f"/workflows/{workflow_id}/reset_jobs", ResetJobStatus, request, timeout_s=BATCH_TIMEOUT_S
        )

    def update_files(self, files: Sequence[FileModel]) -> list[FileModel]:
        """Write every field that is not None of each file, by its id; all or none."""
        return self._calls.put("/bulk_files", FilesModel, FilesModel(files=list(files))).files

    def process_changed_job_inputs(self, workflow_id: int, *, dry_run: bool = False) -> ChangedJobInputs:
        return self._calls.post(
            f"/workflows/{workflow_id}/process_changed_job_inputs", ChangedJobInputs, query={"dry_run": dry_run}
        )

    def regroup_resources(self, workflow_id: int, groups: Sequence[ResourceGroup], *, dry_run: bool) -> RegroupResponse:
        """Give the jobs of each group its amounts: all groups or none. With `dry_run` nothing changes."""
        request = RegroupRequest(groups=list(groups))
        path = f"/workflows/{workflow_id}/regroup_resources"
        return self._calls.post(path, RegroupResponse, request, query={"dry_run": dry_run}, timeout_s=BATCH_TIMEOUT_S)

    def cancel_workflow(self, workflow_id: int) -> CancelResult:
        return self._calls.put(f"/workflows/{workflow_id}/cancel", CancelResult)

    def archive_workflow(self, workflow_id: int, *, is_archived: bool) -> WorkflowModel:
        return self._calls.post(
            f"/workflows/{workflow_id}/archive", WorkflowModel, ArchiveRequest(is_archived=is_archived)
        )

    def required_existing_files(self, workflow_id: int) -> list[int]:
        """Return the ids of the files that must exist now: inputs that no job produces, outputs of completed jobs."""
        return self._calls.get(f"/workflows/{workflow_id}/required_existing_files", RequiredFiles).files

    def missing_user_data(self, workflow_id: int) -> list[int]:
        return self._calls.get(f"/workflows/{workflow_id}/missing_user_data", MissingUserData).user_data

    def job_dependencies(self, workflow_id: int) -> list[JobDependency]:
        return list(self._calls.each(f"/workflows/{workflow_id}/job_dependencies", Page[JobDependency]))

    def job_file_relationships(self, workflow_id: int) -> list[JobFileRelationship]:
        return list(self._calls.each(f"/workflows/{workflow_id}/job_file_relationships", Page[JobFileRelationship]))

    def job_user_data_relationships(self, workflow_id: int) -> list[JobUserDataRelationship]:
        return list(
            self._calls.each(f"/workflows/{workflow_id}/job_user_data_relationships", Page[JobUserDataRelationship])
        )

    def job_ids(self, workflow_id: int) -> list[int]:
        """Return the ids of all jobs of the workflow."""
        return self._calls.get(f"/workflows/{workflow_id}/job_ids", JobIds).job_ids

    def job_outlines(self, workflow_id: int, *statuses: JobStatus) -> list[JobOutline]:
        """Return some facts of the jobs in these statuses, of all jobs without one, in the order of their ids."""
        found: list[JobOutline] = []
        after: int | None = 0
        while after is not None:
            query: dict[str, QueryValue] = {"status": sorted(statuses), "after": after}
            part = self._calls.get(f"/workflows/{workflow_id}/job_outlines", JobOutlines, query=query)
            columns = (part.ids, part.names, part.statuses, part.resource_requirements_ids)
            found.extend(map(JobOutline._make, zip(*columns, strict=True)))
            after = part.next_after
        return found

    def running_jobs(self, workflow_id: int) -> list[RunningJob]:
        return list(self._calls.each(f"/workflows/{workflow_id}/running_jobs", Page[RunningJob]))

    # -- jobs in batches ------------------------------------------------------------------------

    def spawn_jobs(self, job_id: int, request: SpawnJobsRequest) -> SpawnJobsResponse:
        """Add jobs that wait for this running job; the same jobs again change nothing."""
        return self._calls.post(f"/jobs/{job_id}/spawn_jobs", SpawnJobsResponse, request)

    def create_jobs(self, jobs: Sequence[JobModel]) -> list[JobModel]:
        """Create all jobs or none; the answer keeps their order."""
        answer = self._calls.post("/bulk_jobs", JobsModel, JobsModel(jobs=list(jobs)), idempotent=False)
        return answer.jobs

    def claim_jobs(
        self,
        workflow_id: int,
        resources: ComputeNodesResources,
        *,
        limit: int,
        wait_s: float = 0.0,
        strict_scheduler_match: bool = False,
    ) -> ClaimedJobs:
        """Claim up to `limit` jobs that fit together into `resources`; they are pending then.

        With `wait_s` the server holds an empty answer back until something becomes ready or the time is over.
        """
        return self._calls.post(
            f"/workflows/{workflow_id}/claim_jobs_based_on_resources/{limit}",
            ClaimedJobs,
            resources,
            query={"wait_seconds": wait_s, "strict_scheduler_match": strict_scheduler_match},
            idempotent=False,
            timeout_s=wait_s + 60.0,
        )

    def claim_next_jobs(
        self,
        workflow_id: int,
        *,
        limit: int,
        compute_node_id: int | None = None,
        run_id: int | None = None,
        wait_s: float = 0.0,
    ) -> ClaimedJobs:
        """Claim up to `limit` ready jobs without regard to resources; none when `run_id` is not the current run."""
        return self._calls.post(
            f"/workflows/{workflow_id}/claim_next_jobs",
            ClaimedJobs,
            query={"limit": limit, "compute_node_id": compute_node_id, "run_id": run_id, "wait_seconds": wait_s},
            idempotent=False,
            timeout_s=wait_s + 60.0,
        )

    def start_jobs(self, workflow_id: int, request: StartJobsRequest) -> StartJobsResponse:
        """Turn claimed jobs to running. Idempotent for the same runner."""
        return self._calls.post(f"/workflows/{workflow_id}/batch_start_jobs", StartJobsResponse, request)

    def complete_jobs(self, workflow_id: int, completions: Iterable[JobCompletion]) -> CompleteJobsResponse:
        """Record ended attempts, and release or cancel their dependents in the same transaction. Idempotent."""
        return self._calls.post(
            f"/workflows/{workflow_id}/batch_complete_jobs",
            CompleteJobsResponse,
            CompleteJobsRequest(completions=list(completions)),
        )

    def release_claims(self, workflow_id: int, request: ReleaseClaimsRequest) -> int:
        """Give claims up; return how many jobs are ready again."""
        return self._calls.post(f"/workflows/{workflow_id}/release_claims", ReleaseClaimsResponse, request).released

    def reclaim_jobs(self, workflow_id: int, request: ReclaimRequest) -> ReclaimResponse:
        """Reclaim the jobs of runners that are gone: end the attempts (return code -128), mark the runners inactive."""
        return self._calls.post(f"/workflows/{workflow_id}/take_back_jobs", ReclaimResponse, request)

    def register_runner(self, node: ComputeNodeModel) -> ComputeNodeModel:
        """Create the record of a runner, once for each `registration`: the request may be repeated."""
        return self._calls.post("/compute_nodes", ComputeNodeModel, node, idempotent=node.registration is not None)

    def heartbeat(self, compute_node_id: int) -> Heartbeat:
        """Report that the runner lives. Raises StateConflictError when its jobs were reclaimed."""
        return self._calls.put(f"/compute_nodes/{compute_node_id}/heartbeat", Heartbeat)

    def retry_job(self, job_id: int, *, run_id: int, max_retries: int) -> JobModel:
        return self._calls.post(
            f"/jobs/{job_id}/retry/{run_id}", JobModel, query={"max_retries": max_retries}, idempotent=False
        )

    def job_evidence(self, job_id: int, *, run_id: int | None = None, attempt_id: int | None = None) -> EvidenceModel:
        """Return the evidence of an attempt, of the newest failed one by default. Raises NotFoundError without any."""
        return self._calls.get(
            f"/jobs/{job_id}/evidence", EvidenceModel, query={"run_id": run_id, "attempt_id": attempt_id}
        )

    # -- actions --------------------------------------------------------------------------------

    def actions(self, workflow_id: int) -> list[WorkflowActionModel]:
        return _ACTIONS.validate_json(self.transport.request("GET", f"/workflows/{workflow_id}/actions"))

    def create_action(self, workflow_id: int, action: WorkflowActionModel) -> WorkflowActionModel:
        """Create an action of the workflow; return it with its id."""
        return self._calls.post(f"/workflows/{workflow_id}/actions", WorkflowActionModel, action, idempotent=False)

    def pending_actions(self, workflow_id: int, *, compute_node_id: int | None = None) -> list[WorkflowActionModel]:
        """Return the due actions, and with a runner also those that it has claimed and not finished."""
        answer = self.transport.request(
            "GET", f"/workflows/{workflow_id}/actions/pending", query={"compute_node_id": compute_node_id}
        )
        return _ACTIONS.validate_json(answer)

    def claim_action(
        self,
        workflow_id: int,
        action_id: int,
        *,
        compute_node_id: int | None,
        claim: str | None = None,
        replaces: str | None = None,
    ) -> ClaimActionResponse:
        """Claim an action; `claim` names the claim, which may then be made again. `replaces` is taken over.

        Raises AlreadyTakenError when another runner has it.
        """
        return self._calls.post(
            f"/workflows/{workflow_id}/actions/{action_id}/claim",
            ClaimActionResponse,
            ClaimActionRequest(compute_node_id=compute_node_id, claim=claim, replaces=replaces),
            idempotent=claim is not None,
        )

    def update_action(self, action: WorkflowActionModel) -> WorkflowActionModel:
        """Change an action's configuration. Raises StateConflictError for one that is being carried out."""
        path = f"/workflows/{action.workflow_id}/actions/{action.id}"
        return self._calls.put(path, WorkflowActionModel, action)

    def delete_action(self, workflow_id: int, action_id: int) -> WorkflowActionModel:
        """Delete an action. Raises StateConflictError for one that is being carried out."""
        return self._calls.delete(f"/workflows/{workflow_id}/actions/{action_id}", WorkflowActionModel)

    def rerun_action(self, workflow_id: int, action_id: int) -> WorkflowActionModel:
        """Make an action due again. Raises StateConflictError for one that waits or is being carried out."""
        return self._calls.post(
            f"/workflows/{workflow_id}/actions/{action_id}/rerun", WorkflowActionModel, idempotent=False
        )

    def finish_action(self, workflow_id: int, action_id: int, request: FinishActionRequest) -> WorkflowActionModel:
        """Report how a claimed action ended. Raises StateConflictError when another runner has it by now."""
        return self._calls.post(f"/workflows/{workflow_id}/actions/{action_id}/finish", WorkflowActionModel, request)
