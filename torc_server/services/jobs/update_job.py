"""Changes of a job's record by its user; its status decides what may change."""

from typing import Any, Final

from torc_core.api.jobs import SHARED_JOB_FIELDS, JobModel
from torc_core.errors import InvalidInputError, StateConflictError
from torc_core.hints import Hint, torc
from torc_core.jobs.lifecycle import Event
from torc_core.jobs.status import JobStatus
from torc_server.db.queries.jobs.jobs import RELATIONSHIPS
from torc_server.db.queries.jobs.transitions import count_unresolved_anew
from torc_server.db.queries.runs import create as creation
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.dependency_graph import check_dependencies
from torc_server.services.jobs.dependents import finish
from torc_server.services.jobs.job_records import get_job
from torc_server.services.jobs.reference_check import check_references
from torc_server.services.jobs.transitions import apply_event

_FIXED: Final = tuple(field for field in RELATIONSHIPS if field != "depends_on_job_ids")
_BEFORE_INITIALIZE: Final = ("name", "command", "status", "depends_on_job_ids")
_WRITTEN: Final = (*SHARED_JOB_FIELDS, "scheduler_id", "failure_handler_id")


def update_job(uow: UnitOfWork, job_id: int, wanted: JobModel) -> JobModel:
    """Write the fields that are given and differ; null keeps the stored value.

    Files and user data never change; name, command, dependencies and the status (to disabled) only while the job
    is uninitialized.
    """
    job = get_job(uow, job_id)
    changed = {field for field in JobModel.model_fields if _differs(job, wanted, field)}
    _check_allowed(job, wanted, changed)
    check_references(uow, job.workflow_id, [wanted])
    values: dict[str, Any] = {
        field: creation.column_value(getattr(wanted, field)) for field in _WRITTEN if field in changed
    }
    if "resource_requirements_id" in changed and wanted.resource_requirements_id is not None:
        requirement = creation.requirements(uow, job.workflow_id)[wanted.resource_requirements_id]._asdict()
        values |= {"resource_requirements_id": requirement.pop("id"), **requirement}
    creation.write_job(uow, job_id, values)
    if "depends_on_job_ids" in changed:
        _replace_dependencies(uow, job.workflow_id, job_id, wanted.depends_on_job_ids or [])
    if "status" in changed:
        finish(uow, job.workflow_id, apply_event(uow, Event.DISABLE, [job_id]))
    uow.touch(job.workflow_id)
    return get_job(uow, job_id)


def _differs(job: JobModel, wanted: JobModel, field: str) -> bool:
    new, old = getattr(wanted, field), getattr(job, field)
    if new is None:
        return False
    return sorted(new) != (old or []) if field in RELATIONSHIPS else bool(new != old)


def _check_allowed(job: JobModel, wanted: JobModel, changed: set[str]) -> None:
    ids = {"job_id": job.id or 0, "workflow_id": job.workflow_id}
    who = f"job {job.id} ({job.name})"
    if "workflow_id" in changed:
        raise InvalidInputError(f"{who} is of workflow {job.workflow_id} and stays there", ids=ids)
    if fixed := sorted(changed.intersection(_FIXED)):
        raise StateConflictError(f"{', '.join(fixed)} of {who} cannot change", hint="create another job", ids=ids)
    restricted = sorted(changed.intersection(_BEFORE_INITIALIZE))
    if restricted and job.status is not JobStatus.UNINITIALIZED:
        raise StateConflictError(
            f"{', '.join(restricted)} of {who} cannot change: it is {job.status}, not uninitialized",
            hint=Hint("reset the job first: {}", torc("jobs reset-status", job.id or 0)),
            ids=ids,
        )
    if "status" in changed and wanted.status is not JobStatus.DISABLED:
        raise StateConflictError(
            f"the status of {who} can only be set to disabled here, not to {wanted.status}", ids=ids
        )


def _replace_dependencies(uow: UnitOfWork, workflow_id: int, job_id: int, dependency_ids: list[int]) -> None:
    creation.replace_dependencies(uow, job_id, dependency_ids)
    check_dependencies(uow, workflow_id)
    count_unresolved_anew(uow, workflow_id)
