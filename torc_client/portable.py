"""A workflow as one document: taken from one server, created anew on another."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import Field, ValidationError

from torc_client.http import TorcClient
from torc_core.api.actions import WorkflowActionModel
from torc_core.api.base import ApiModel
from torc_core.api.drafts import (
    ActionDraft,
    FailureHandlerDraft,
    FileDraft,
    JobDraft,
    ResourceRequirementsDraft,
    SlurmSchedulerDraft,
    UserDataDraft,
    WorkflowDraft,
)
from torc_core.api.events import EventModel
from torc_core.api.failure_handlers import FAILURE_RULES, FailureHandlerModel
from torc_core.api.files import FileModel, UserDataModel
from torc_core.api.jobs import JobModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.api.results import ResultModel
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError

EXPORT_VERSION: Final = "1.0"


class PortableWorkflow(ApiModel):
    """The records of one workflow with the ids they had. Results and events are kept for reading only."""

    export_version: str = EXPORT_VERSION
    workflow: WorkflowModel
    files: list[FileModel] = Field(default_factory=list)
    user_data: list[UserDataModel] = Field(default_factory=list)
    resource_requirements: list[ResourceRequirementsModel] = Field(default_factory=list)
    failure_handlers: list[FailureHandlerModel] = Field(default_factory=list)
    slurm_schedulers: list[SlurmSchedulerModel] = Field(default_factory=list)
    jobs: list[JobModel] = Field(default_factory=list)
    actions: list[WorkflowActionModel] = Field(default_factory=list)
    results: list[ResultModel] | None = None
    events: list[EventModel] | None = None


def export_workflow(
    client: TorcClient, workflow_id: int, *, with_results: bool = False, with_events: bool = False
) -> PortableWorkflow:
    """Everything that makes the workflow, and where asked for what happened to it."""
    return PortableWorkflow(
        workflow=client.workflows.get(workflow_id),
        files=client.files.list_all(workflow_id=workflow_id),
        user_data=client.user_data.list_all(workflow_id=workflow_id),
        resource_requirements=client.resource_requirements.list_all(workflow_id=workflow_id),
        failure_handlers=client.workflow_failure_handlers(workflow_id),
        slurm_schedulers=client.slurm_schedulers.list_all(workflow_id=workflow_id),
        jobs=client.jobs.list_all(workflow_id=workflow_id, include_relationships=True),
        actions=[action for action in client.actions(workflow_id) if not action.is_recovery],
        results=client.results.list_all(workflow_id=workflow_id, all_runs=True) if with_results else None,
        events=client.events.list_all(workflow_id=workflow_id) if with_events else None,
    )


def parse_portable(text: str, *, source: str) -> PortableWorkflow:
    """Raises InvalidInputError naming `source` for everything that is no export."""
    try:
        document = PortableWorkflow.model_validate(json.loads(text))
    except (json.JSONDecodeError, ValidationError) as error:
        raise InvalidInputError(
            f"{source} is no exported workflow: {str(error).splitlines()[0]}",
            hint="make one with `torc workflows export`",
        ) from error
    if document.export_version != EXPORT_VERSION:
        raise InvalidInputError(
            f"{source} has the export version {document.export_version}, and this release reads {EXPORT_VERSION}"
        )
    return document


def as_draft(portable: PortableWorkflow, *, user: str, name: str | None = None) -> WorkflowDraft:
    """A new workflow of `user` with every job at its beginning. Raises InvalidInputError for ids that lead nowhere."""
    places = _Places(portable)
    workflow = portable.workflow.model_copy(
        update={"id": None, "user": user, "name": name or portable.workflow.name, "access_groups": None}
    )
    return WorkflowDraft(
        workflow=workflow,
        files=[FileDraft(name=file.name, path=file.path, st_mtime=file.st_mtime) for file in portable.files],
        user_data=[
            UserDataDraft(name=record.name, data=record.data, is_ephemeral=bool(record.is_ephemeral))
            for record in portable.user_data
        ],
        resource_requirements=[
            ResourceRequirementsDraft.model_validate(record.model_dump()) for record in portable.resource_requirements
        ],
        failure_handlers=[
            FailureHandlerDraft(name=handler.name, rules=FAILURE_RULES.validate_json(handler.rules))
            for handler in portable.failure_handlers
        ],
        slurm_schedulers=[
            SlurmSchedulerDraft.model_validate(record.model_dump() | {"name": record.name or f"scheduler_{record.id}"})
            for record in portable.slurm_schedulers
        ],
        jobs=[_job_draft(job, places) for job in portable.jobs],
        actions=[_action_draft(action, places) for action in portable.actions],
    )


class _Places:
    """Id in the document -> place in its list."""

    def __init__(self, portable: PortableWorkflow) -> None:
        self.jobs = _numbered("job", portable.jobs)
        self.files = _numbered("file", portable.files)
        self.user_data = _numbered("user data", portable.user_data)
        self.requirements = _numbered("resource requirement", portable.resource_requirements)
        self.handlers = _numbered("failure handler", portable.failure_handlers)
        self.schedulers = _numbered("scheduler", portable.slurm_schedulers)


class _Numbering:
    def __init__(self, noun: str, places: Mapping[int | None, int]) -> None:
        self._noun = noun
        self._places = places

    def one(self, record_id: int | None) -> int | None:
        if record_id is None:
            return None
        if record_id not in self._places:
            raise InvalidInputError(f"the exported workflow names {self._noun} {record_id} and does not hold it")
        return self._places[record_id]

    def many(self, record_ids: Iterable[int] | None) -> list[int]:
        return [place for record_id in record_ids or () if (place := self.one(record_id)) is not None]


def _numbered(noun: str, records: Sequence[ApiModel]) -> _Numbering:
    return _Numbering(noun, {getattr(record, "id", None): place for place, record in enumerate(records)})


def _job_draft(job: JobModel, places: _Places) -> JobDraft:
    return JobDraft(
        name=job.name,
        command=job.command,
        invocation_script=job.invocation_script,
        env=job.env,
        cancel_on_blocking_job_failure=job.cancel_on_blocking_job_failure is not False,
        supports_termination=bool(job.supports_termination),
        priority=job.priority or 0,
        depends_on=places.jobs.many(job.depends_on_job_ids),
        input_files=places.files.many(job.input_file_ids),
        output_files=places.files.many(job.output_file_ids),
        input_user_data=places.user_data.many(job.input_user_data_ids),
        output_user_data=places.user_data.many(job.output_user_data_ids),
        resource_requirements=places.requirements.one(job.resource_requirements_id),
        failure_handler=places.handlers.one(job.failure_handler_id),
        scheduler=places.schedulers.one(job.scheduler_id),
    )


def _action_draft(action: WorkflowActionModel, places: _Places) -> ActionDraft:
    config: dict[str, Any] = dict(action.action_config or {})
    return ActionDraft(
        trigger_type=action.trigger_type,
        action_type=action.action_type,
        scheduler=places.schedulers.one(config.pop("scheduler_id", None)),
        action_config=config,
        jobs=None if action.job_ids is None else places.jobs.many(action.job_ids),
        persistent=bool(action.persistent),
    )
