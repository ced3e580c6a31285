"""Creation of a whole workflow in one transaction."""

from collections.abc import Iterator, Sequence
from typing import Final

from torc_core.api.actions import WorkflowActionModel
from torc_core.api.drafts import (
    ActionDraft,
    ResourceRequirementsDraft,
    SlurmSchedulerDraft,
    WorkflowCreated,
    WorkflowDraft,
)
from torc_core.api.failure_handlers import FAILURE_RULES
from torc_core.api.jobs import JobDraft
from torc_core.errors import AlreadyTakenError
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_server.db.queries.records.base import next_id
from torc_server.db.queries.runs import create as queries
from torc_server.db.queries.runs.create import CopiedRequirement, NewJob, as_text, insert_rows
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.actions import create_action
from torc_server.services.records.workflows import create_bare_workflow, get_workflow
from torc_server.services.runs.draft_dependencies import draft_dependencies

_DEFAULT: Final = ResourceRequirementsDraft(name=UNSPECIFIED_REQUIREMENT, runtime="PT1M")


def create_workflow_from_draft(uow: UnitOfWork, draft: WorkflowDraft) -> WorkflowCreated:
    """Create the workflow and all its records; the ids of each list are consecutive, in the order of the draft.

    A draft whose key is known is answered with the workflow that it has become. Raises InvalidInputError that names the
    place, and AlreadyTakenError when the key is another workflow's; nothing is created then.
    """
    if draft.creation_key is not None and (known := _created_before(uow, draft, draft.creation_key)) is not None:
        return known
    dependencies = draft_dependencies(draft)
    workflow_id, workflow = create_bare_workflow(uow, draft.workflow, creation_key=draft.creation_key)
    writer = _Writer(uow, workflow_id, draft)
    writer.write_records(draft)
    first_job_id = writer.write_jobs(draft.jobs, dependencies)
    for action in draft.actions:
        create_action(uow, workflow_id, writer.action(action, first_job_id))
    return WorkflowCreated(
        workflow=workflow,
        job_count=len(draft.jobs),
        file_count=len(draft.files),
        first_job_id=first_job_id if draft.jobs else None,
    )


def _created_before(uow: UnitOfWork, draft: WorkflowDraft, creation_key: str) -> WorkflowCreated | None:
    """Return the answer that the first request with this key was given."""
    workflow_id = queries.workflow_of_key(uow, creation_key)
    if workflow_id is None:
        return None
    workflow = get_workflow(uow, workflow_id)
    if (workflow.name, workflow.user) != (draft.workflow.name, draft.workflow.user):
        raise AlreadyTakenError("the creation key is that of another workflow", hint="choose a key for each workflow")
    return WorkflowCreated(
        workflow=workflow,
        job_count=len(draft.jobs),
        file_count=len(draft.files),
        first_job_id=queries.first_job_id(uow, workflow_id) if draft.jobs else None,
    )


class _Writer:
    """Writes the lists of a draft; knows the id of the first record of each."""

    def __init__(self, uow: UnitOfWork, workflow_id: int, draft: WorkflowDraft) -> None:
        self._uow = uow
        self._workflow_id = workflow_id
        self._first_file = next_id(uow, "file")
        self._first_datum = next_id(uow, "user_data")
        self._first_handler = next_id(uow, "failure_handler")
        self._first_scheduler = next_id(uow, "slurm_scheduler")
        named = [place for place, record in enumerate(draft.resource_requirements) if record.name == _DEFAULT.name]
        self._requirement_drafts = draft.resource_requirements if named else [*draft.resource_requirements, _DEFAULT]
        first = next_id(uow, "resource_requirements")
        self._requirements = [_requirement(first + i, record) for i, record in enumerate(self._requirement_drafts)]
        self._default = self._requirements[named[0] if named else -1]

    def write_records(self, draft: WorkflowDraft) -> None:
        """Insert everything that jobs refer to."""
        own = self._workflow_id
        self._insert(
            "file", ("name", "path", "st_mtime"), ((own, file.name, file.path, file.st_mtime) for file in draft.files)
        )
        self._insert(
            "user_data",
            ("name", "is_ephemeral", "data"),
            ((own, datum.name, datum.is_ephemeral, as_text(datum.data)) for datum in draft.user_data),
        )
        self._insert(
            "failure_handler",
            ("name", "rules"),
            (
                (own, handler.name, FAILURE_RULES.dump_json(handler.rules, exclude_defaults=True).decode())
                for handler in draft.failure_handlers
            ),
        )
        columns = tuple(SlurmSchedulerDraft.model_fields)
        self._insert(
            "slurm_scheduler",
            columns,
            ((own, *(getattr(scheduler, column) for column in columns)) for scheduler in draft.slurm_schedulers),
        )
        self._insert(
            "resource_requirements",
            ("name", "memory", "runtime", *CopiedRequirement._fields),
            (
                (own, record.name, record.memory, record.runtime, *requirement)
                for record, requirement in zip(self._requirement_drafts, self._requirements, strict=True)
            ),
        )

    def write_jobs(self, jobs: Sequence[JobDraft], dependencies: Sequence[Sequence[int]]) -> int:
        """Insert the jobs and their links; return the id of the first."""
        first = next_id(self._uow, "job")
        queries.insert_jobs(
            self._uow,
            self._workflow_id,
            (
                self._job(first + place, job, len(needed))
                for place, (job, needed) in enumerate(zip(jobs, dependencies, strict=True))
            ),
        )
        ids = range(first, first + len(jobs))
        lists = {
            "depends_on_job_ids": (first, dependencies),
            "input_file_ids": (self._first_file, (job.input_files for job in jobs)),
            "output_file_ids": (self._first_file, (job.output_files for job in jobs)),
            "input_user_data_ids": (self._first_datum, (job.input_user_data for job in jobs)),
            "output_user_data_ids": (self._first_datum, (job.output_user_data for job in jobs)),
        }
        for field, (base, positions) in lists.items():
            pairs = ((job_id, base + place) for job_id, places in zip(ids, positions, strict=True) for place in places)
            queries.insert_links(self._uow, field, pairs)
        return first

    def _job(self, job_id: int, job: JobDraft, unresolved: int) -> NewJob:
        place = job.resource_requirements
        requirement = self._default if place is None else self._requirements[place]
        return NewJob(
            job_id,
            job,
            None if job.scheduler is None else self._first_scheduler + job.scheduler,
            None if job.failure_handler is None else self._first_handler + job.failure_handler,
            unresolved,
            requirement,
        )

    def action(self, action: ActionDraft, first_job_id: int) -> WorkflowActionModel:
        config = dict(action.action_config)
        if action.scheduler is not None:
            config["scheduler_id"] = self._first_scheduler + action.scheduler
        return WorkflowActionModel(
            workflow_id=self._workflow_id,
            trigger_type=action.trigger_type,
            action_type=action.action_type,
            action_config=config,
            job_ids=None if action.jobs is None else [first_job_id + place for place in action.jobs],
            persistent=action.persistent,
            retry=action.retry,
        )

    def _insert(self, table: str, columns: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> None:
        insert_rows(self._uow, table, ("workflow_id", *columns), rows)


def _requirement(record_id: int, draft: ResourceRequirementsDraft) -> CopiedRequirement:
    return CopiedRequirement(
        record_id,
        draft.num_cpus,
        draft.num_gpus,
        draft.num_nodes,
        parse_memory(draft.memory),
        parse_duration(draft.runtime),
    )
