"""Workflows as records: create, read, change, archive, delete."""

from collections.abc import Collection
from typing import Any, Final

from torc_core.api.base import ApiModel, Page
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.api.workflows import TEXT_FIELDS, WorkflowModel
from torc_core.errors import InvalidInputError
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_server.db.queries.records import workflows as queries
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import slice_of
from torc_server.services.records.events import store_event
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.records.resource_requirements import create_resource_requirements

_SERVERS_OWN: Final = frozenset({"id", "timestamp", "run_id", "is_canceled", "is_archived", "access_groups"})
_STORED: Final = tuple(sorted(set(WorkflowModel.model_fields) - _SERVERS_OWN))
_SORTABLE: Final = tuple(
    sorted({"id", "timestamp", "name", "user", "description", "project", "run_id", "is_canceled", "is_archived"})
)
_DEFAULTS: Final = {
    "compute_node_ignore_workflow_completion": False,
    "compute_node_min_time_for_new_jobs_seconds": 300,
    "compute_node_wait_for_healthy_database_minutes": 20,
    "compute_node_wait_for_new_jobs_seconds": 90,
}


def create_workflow(uow: UnitOfWork, workflow: WorkflowModel) -> WorkflowModel:
    """Create a workflow in its first run, with the resource requirement `default` for jobs that name none."""
    workflow_id, created = create_bare_workflow(uow, workflow)
    default = ResourceRequirementsModel(workflow_id=workflow_id, name=UNSPECIFIED_REQUIREMENT)
    create_resource_requirements(uow, default)
    return created


def create_bare_workflow(
    uow: UnitOfWork, workflow: WorkflowModel, *, creation_key: str | None = None
) -> tuple[int, WorkflowModel]:
    """Create the workflow alone and return its id and model; the caller creates the resource requirement `default`."""
    row = queries.WORKFLOWS.insert(
        uow,
        {
            **_DEFAULTS,
            **_given(workflow),
            **_text_fields((), workflow),
            "timestamp": uow.now_text,
            "run_id": 1,
            "is_canceled": False,
            "is_archived": False,
            "creation_key": creation_key,
        },
    )
    for group in workflow.access_groups or ():
        if not queries.link_group(uow, row["id"], group):
            raise InvalidInputError(f"there is no access group {group!r}", hint="create the group first")
    return row["id"], _models(uow, [row])[0]


def get_workflow(uow: UnitOfWork, workflow_id: int) -> WorkflowModel:
    find_workflow(uow, workflow_id)
    row = queries.WORKFLOWS.get(uow, workflow_id)
    return _models(uow, [] if row is None else [row])[0]


def list_workflows(
    uow: UnitOfWork,
    page: PageRequest,
    *,
    name: str | None = None,
    user: str | None = None,
    description: str | None = None,
    is_archived: bool | None = None,
    access_group: str | None = None,
    visible_to: str | None = None,
    only_id: int | None = None,
) -> Page[WorkflowModel]:
    """List workflows by exact name, user and access group, or by a part of the description; archived ones too.

    `visible_to` leaves those that a user owns or that are shared with a group of theirs, `only_id` one alone.
    """
    rows, total = queries.find_workflows(
        uow,
        slice_of(page, _SORTABLE),
        name=name,
        user=user,
        description=description,
        is_archived=is_archived,
        access_group=access_group,
        visible_to=visible_to,
        only_id=only_id,
    )
    return page.page(_models(uow, rows), total=total)


def update_workflow(uow: UnitOfWork, workflow_id: int, workflow: WorkflowModel) -> WorkflowModel:
    """Update the fields that are given; null and the server's own fields keep what is stored."""
    find_workflow(uow, workflow_id)
    row = queries.WORKFLOWS.get(uow, workflow_id) or {}
    values = _given(workflow) | _text_fields(row.get("written_as_text") or (), workflow)
    queries.WORKFLOWS.update(uow, workflow_id, values)
    return get_workflow(uow, workflow_id)


def delete_workflow(uow: UnitOfWork, workflow_id: int) -> WorkflowModel:
    """Delete the workflow with everything that belongs to it, and return it as it was."""
    workflow = get_workflow(uow, workflow_id)
    queries.delete_workflow(uow, workflow_id)
    uow.touch(workflow_id)
    return workflow


def archive_workflow(uow: UnitOfWork, workflow_id: int, *, is_archived: bool) -> WorkflowModel:
    """Archive the workflow, which hides it from lists, or bring it back."""
    find_workflow(uow, workflow_id)
    queries.set_archived(uow, workflow_id, is_archived=is_archived)
    action = "archive_workflow" if is_archived else "unarchive_workflow"
    store_event(uow, workflow_id, {"category": "user_action", "action": action})
    return get_workflow(uow, workflow_id)


def _given(workflow: WorkflowModel) -> dict[str, Any]:
    values = {name: getattr(workflow, name) for name in _STORED if name != "written_as_text"}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _text_fields(before: Collection[str], workflow: WorkflowModel) -> dict[str, Any]:
    """Return the column with the names of the settings that were written as JSON text, the last form of each."""
    given = {name for name in TEXT_FIELDS if getattr(workflow, name) is not None}
    names = sorted((set(before) - given) | set(workflow.written_as_text))
    return {"written_as_text": names or None}


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, ApiModel) else value


def _models(uow: UnitOfWork, rows: list[dict[str, Any]]) -> list[WorkflowModel]:
    groups = queries.group_names(uow, [row["id"] for row in rows])
    return [
        WorkflowModel.model_validate(
            {**row, "access_groups": groups.get(row["id"]), "written_as_text": row["written_as_text"] or []}
        )
        for row in rows
    ]
