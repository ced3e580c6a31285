"""Resource requirements, and the copies of them in the jobs, which claims read."""

from typing import Any, Final

from torc_core.api.base import Page
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.api.system import DeleteCount
from torc_core.errors import InvalidInputError, StateConflictError
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_server.db.queries.records.base import RecordStore
from torc_server.db.queries.records.jobs import copy_requirements_to_jobs, count_jobs_with_requirements
from torc_server.db.queries.records.relationships import requirements_of
from torc_server.db.tables.workflows import ResourceRequirements
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import Records
from torc_server.services.records.events import store_event
from torc_server.services.records.paging import PageRequest

REQUIREMENTS: Final = Records(
    RecordStore(ResourceRequirements), ResourceRequirementsModel, noun="resource requirements"
)


def create_resource_requirements(uow: UnitOfWork, record: ResourceRequirementsModel) -> ResourceRequirementsModel:
    _refuse_without_cpus(record)
    return REQUIREMENTS.create(uow, record, derived=_amounts(record))


def update_resource_requirements(
    uow: UnitOfWork, record_id: int, record: ResourceRequirementsModel
) -> ResourceRequirementsModel:
    """Update the fields that are given; jobs with this resource requirement are claimed by the new amounts."""
    if "num_cpus" in record.model_fields_set:
        _refuse_without_cpus(record)
    updated = REQUIREMENTS.update(uow, record_id, record)
    updated = REQUIREMENTS.update(uow, record_id, record, derived=_amounts(updated))
    copy_requirements_to_jobs(uow, record_id)
    store_event(
        uow,
        updated.workflow_id,
        {"category": "user_action", "action": "update_resource_requirements", "resource_requirements_id": record_id},
    )
    uow.touch(updated.workflow_id)
    return updated


def delete_resource_requirements(uow: UnitOfWork, record_id: int) -> ResourceRequirementsModel:
    """Delete a resource requirement. Refused while a job has it, as every job has one."""
    record = REQUIREMENTS.get(uow, record_id)
    _refuse_when_used(count_jobs_with_requirements(uow, record_id=record_id), f"resource requirements {record_id}")
    REQUIREMENTS.delete(uow, record_id)
    return record


def delete_all_resource_requirements(uow: UnitOfWork, workflow_id: int) -> DeleteCount:
    used = count_jobs_with_requirements(uow, workflow_id=workflow_id)
    _refuse_when_used(used, f"the resource requirements of workflow {workflow_id}")
    return REQUIREMENTS.delete_all(uow, workflow_id)


def list_resource_requirements(
    uow: UnitOfWork, workflow_id: int, page: PageRequest, *, job_id: int | None, runtime: int | None, **equals: Any
) -> Page[ResourceRequirementsModel]:
    """Return resource requirements by the values of their columns, by `runtime` in seconds, or those of one job."""
    conditions = REQUIREMENTS.store.where(workflow_id, equals={"runtime_s": runtime, **equals})
    if job_id is not None:
        conditions.append(requirements_of(job_id))
    return REQUIREMENTS.list_where(uow, workflow_id, page, conditions)


def _refuse_without_cpus(record: ResourceRequirementsModel) -> None:
    if record.num_cpus < 1:
        raise InvalidInputError(
            f"num_cpus of resource requirements {record.name!r} is {record.num_cpus}",
            hint="a job needs at least 1 CPU: without one, any number of such jobs would run at the same time",
        )


def _amounts(record: ResourceRequirementsModel) -> dict[str, float]:
    return {"memory_bytes": parse_memory(record.memory), "runtime_s": parse_duration(record.runtime)}


def _refuse_when_used(job_count: int, what: str) -> None:
    if job_count:
        raise StateConflictError(
            f"{job_count} jobs need {what}", hint="give those jobs other requirements first, or delete the jobs"
        )
