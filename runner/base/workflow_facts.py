"""Facts about the workflow that a run needs, fetched once at its start."""

from dataclasses import dataclass

from runner.base.ledger import Need
from runner.base.output_files import DeclaredOutputs
from torc_client.http import TorcClient
from torc_core.api.actions import WorkflowActionModel
from torc_core.api.failure_handlers import FailureHandlerModel
from torc_core.api.jobs import JobModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import NotFoundError
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT

_UNSPECIFIED = Need(name=UNSPECIFIED_REQUIREMENT, cpus=1, memory_bytes=0, gpus=0, nodes=1, runtime_s=0.0)


class Requirements:
    """Resource requirements by id. One that appears during the run is fetched when a job names it."""

    def __init__(self, client: TorcClient, workflow_id: int) -> None:
        self._client = client
        self._needs = {
            requirement.id: Need.of(requirement)
            for requirement in client.resource_requirements.list_all(workflow_id=workflow_id)
        }

    @property
    def most_nodes(self) -> int:
        """Return how many nodes the widest job needs, as far as requirements are known."""
        return max((need.nodes for need in self._needs.values()), default=1)

    def of(self, job: JobModel) -> Need:
        requirement_id = job.resource_requirements_id
        if requirement_id is None:
            return _UNSPECIFIED
        if requirement_id not in self._needs:
            try:
                self._needs[requirement_id] = Need.of(self._client.resource_requirements.get(requirement_id))
            except NotFoundError:
                self._needs[requirement_id] = _UNSPECIFIED
        return self._needs[requirement_id]


@dataclass(frozen=True, kw_only=True)
class WorkflowFacts:
    workflow: WorkflowModel
    workflow_id: int
    run_id: int
    handlers: list[FailureHandlerModel]
    outputs: DeclaredOutputs
    requirements: Requirements
    actions: list[WorkflowActionModel]


def fetch_facts(client: TorcClient, workflow_id: int) -> WorkflowFacts:
    """Return the facts of a workflow. Raises NotFoundError for an unknown one."""
    workflow = client.workflows.get(workflow_id)
    has_files = client.files.page(limit=1, workflow_id=workflow_id).total_count > 0
    return WorkflowFacts(
        workflow=workflow,
        workflow_id=workflow_id,
        run_id=workflow.run_id or 1,
        handlers=client.failure_handlers.list_all(workflow_id=workflow_id),
        outputs=DeclaredOutputs(client.job_file_relationships(workflow_id) if has_files else ()),
        requirements=Requirements(client, workflow_id),
        actions=client.actions(workflow_id),
    )
