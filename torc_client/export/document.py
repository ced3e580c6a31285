"""Exports a workflow as one document, and makes a new workflow of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from pydantic import AliasChoices, Field, ValidationError

from torc_client.http import TorcClient
from torc_core.api.actions import WorkflowActionModel
from torc_core.api.base import ApiModel
from torc_core.api.drafts import (
    ActionDraft,
    FailureHandlerDraft,
    FileDraft,
    ResourceRequirementsDraft,
    SlurmSchedulerDraft,
    UserDataDraft,
    WorkflowDraft,
)
from torc_core.api.events import EventModel
from torc_core.api.failure_handlers import FAILURE_RULES, FailureHandlerModel
from torc_core.api.files import FileModel, UserDataModel
from torc_core.api.jobs import JobDraft, JobModel, shared_job_values
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.api.results import ResultModel
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc

D = TypeVar("D", bound=ApiModel)

EXPORT_VERSION: Final = "1.0"


class PortableWorkflow(ApiModel):
    """The records of one workflow with the ids they had, in the form that other programs of the field export, too."""

    export_version: str = EXPORT_VERSION
    workflow: WorkflowModel
    files: list[FileModel] = Field(default_factory=list)
    user_data: list[UserDataModel] = Field(default_factory=list)
    resource_requirements: list[ResourceRequirementsModel] = Field(default_factory=list)
    failure_handlers: list[FailureHandlerModel] = Field(default_factory=list)
    slurm_schedulers: list[SlurmSchedulerModel] = Field(default_factory=list)
    jobs: list[JobModel] = Field(default_factory=list)
    actions: list[WorkflowActionModel] = Field(
        default_factory=list,
        validation_alias=AliasChoices("workflow_actions", "actions"),
        serialization_alias="workflow_actions",
    )
    compute_nodes: list[ComputeNodeModel] | None = None
    """The runners of the results."""
    local_schedulers: list[dict[str, Any]] | None = None
    """Of other programs; only counted, as this one has none."""
    ro_crate_entities: list[dict[str, Any]] | None = None
    """Of other programs; only counted."""
    results: list[ResultModel] | None = None
    events: list[EventModel] | None = None


def export_workflow(
    client: TorcClient, workflow_id: int, *, with_results: bool = False, with_events: bool = False
) -> PortableWorkflow:
    """Return the records of the workflow, with its results and events where asked for."""
    return PortableWorkflow(
        workflow=client.workflows.get(workflow_id),
        files=client.files.list_all(workflow_id=workflow_id),
        user_data=client.user_data.list_all(workflow_id=workflow_id),
        resource_requirements=client.resource_requirements.list_all(workflow_id=workflow_id),
        failure_handlers=client.failure_handlers.list_all(workflow_id=workflow_id),
        slurm_schedulers=client.slurm_schedulers.list_all(workflow_id=workflow_id),
        jobs=client.jobs.list_all(workflow_id=workflow_id, include_relationships=True),
        actions=[action for action in client.actions(workflow_id) if not action.is_recovery],
        compute_nodes=client.compute_nodes.list_all(workflow_id=workflow_id) if with_results else None,
        results=client.results.list_all(workflow_id=workflow_id, all_runs=True) if with_results else None,
        events=client.events.list_all(workflow_id=workflow_id) if with_events else None,
    )


def parse_portable(text: str, *, source: str) -> PortableWorkflow:
    """Read an exported workflow. Raises InvalidInputError naming `source` for any other text."""
    with _named(f"{source} is no exported workflow"):
        document = PortableWorkflow.model_validate_json(text)
    if document.export_version != EXPORT_VERSION:
        raise InvalidInputError(
            f"{source} has the export version {document.export_version}, and this release reads {EXPORT_VERSION}"
        )
    return document


def left_out(portable: PortableWorkflow) -> list[str]:
    """Return what the document holds and a workflow of this program does not, as words."""
    others = {"local scheduler": portable.local_schedulers, "RO-Crate entity": portable.ro_crate_entities}
    return [f"{len(records)} x {noun}" for noun, records in others.items() if records]


def as_draft(portable: PortableWorkflow, *, user: str, name: str | None = None) -> WorkflowDraft:
    """Return the draft of a new workflow of `user`, in which no job has run.

    Raises InvalidInputError for ids that lead nowhere, and for what an export may hold and a workflow may not.
    """
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
            _draft_of(ResourceRequirementsDraft, record, f"resource requirement {record.name!r}")
            for record in portable.resource_requirements
        ],
        failure_handlers=[_handler_draft(handler) for handler in portable.failure_handlers],
        slurm_schedulers=[
            _draft_of(SlurmSchedulerDraft, record.model_copy(update={"name": name}), f"scheduler {name!r}")
            for record in portable.slurm_schedulers
            for name in (record.name or f"scheduler_{record.id}",)
        ],
        jobs=[_job_draft(job, places) for job in portable.jobs],
        actions=[_action_draft(action, place, places) for place, action in enumerate(portable.actions)],
    )


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Turn the first problem of a validation into an InvalidInputError about `what`."""
    try:
        yield
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]).lstrip(".")
        raise InvalidInputError(
            f"{what}: {f'{where}: ' if where else ''}{problem['msg']}",
            hint=Hint("make one with `{}`", torc("workflows export")),
        ) from error


def _draft_of(kind: type[D], record: ApiModel, what: str) -> D:
    with _named(what):
        return kind.model_validate(record.model_dump())


def _handler_draft(handler: FailureHandlerModel) -> FailureHandlerDraft:
    with _named(f"the rules of failure handler {handler.name!r}"):
        return FailureHandlerDraft(name=handler.name, rules=FAILURE_RULES.validate_json(handler.rules))


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
    places: dict[int | None, int] = {}
    for place, record in enumerate(records):
        record_id = getattr(record, "id", None)
        if record_id is not None and record_id in places:
            raise InvalidInputError(f"the exported workflow holds {noun} {record_id} twice")
        places[record_id] = place
    return _Numbering(noun, places)


def _job_draft(job: JobModel, places: _Places) -> JobDraft:
    with _named(f"job {job.name!r}"):
        return JobDraft(
            **shared_job_values(job),
            depends_on=places.jobs.many(job.depends_on_job_ids),
            input_files=places.files.many(job.input_file_ids),
            output_files=places.files.many(job.output_file_ids),
            input_user_data=places.user_data.many(job.input_user_data_ids),
            output_user_data=places.user_data.many(job.output_user_data_ids),
            resource_requirements=places.requirements.one(job.resource_requirements_id),
            failure_handler=places.handlers.one(job.failure_handler_id),
            scheduler=places.schedulers.one(job.scheduler_id),
        )


def _action_draft(action: WorkflowActionModel, place: int, places: _Places) -> ActionDraft:
    config = dict(action.action_config) if isinstance(action.action_config, dict) else action.action_config or {}
    scheduler_id = config.pop("scheduler_id", None) if isinstance(config, dict) else None
    if not isinstance(scheduler_id, int | None):
        raise InvalidInputError(f"actions[{place}].action_config.scheduler_id is no id: {scheduler_id!r}")
    jobs = None if action.job_ids is None else places.jobs.many(action.job_ids)
    with _named(f"actions[{place}]"):
        return ActionDraft.model_validate(
            {
                "trigger_type": action.trigger_type,
                "action_type": action.action_type,
                "scheduler": places.schedulers.one(scheduler_id),
                "action_config": config,
                "jobs": jobs,
                "persistent": bool(action.persistent),
                "retry": action.retry is not False,
            }
        )
