"""Dependencies between jobs, and the files and user data that they come from."""

from torc_core.api.base import Page
from torc_core.api.relationships import JobDependency, JobFileRelationship, JobUserDataRelationship
from torc_server.db.queries.records import relationships as queries
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import slice_of
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest


def list_job_dependencies(uow: UnitOfWork, workflow_id: int, page: PageRequest) -> Page[JobDependency]:
    """List one row per dependency, the inferred ones too."""
    find_workflow(uow, workflow_id)
    part = slice_of(page, list(JobDependency.model_fields), default="job_id")
    rows, total = queries.dependencies(uow, workflow_id, part)
    return page.page([JobDependency.model_construct(**row) for row in rows], total=total)


def list_job_file_relationships(uow: UnitOfWork, workflow_id: int, page: PageRequest) -> Page[JobFileRelationship]:
    """List one row per file, producer and consumer."""
    find_workflow(uow, workflow_id)
    part = slice_of(page, list(JobFileRelationship.model_fields), default="file_id")
    rows, total = queries.file_relationships(uow, workflow_id, part)
    return page.page([JobFileRelationship.model_construct(**row) for row in rows], total=total)


def list_job_user_data_relationships(
    uow: UnitOfWork, workflow_id: int, page: PageRequest
) -> Page[JobUserDataRelationship]:
    """List one row per user data, producer and consumer."""
    find_workflow(uow, workflow_id)
    part = slice_of(page, list(JobUserDataRelationship.model_fields), default="user_data_id")
    rows, total = queries.user_data_relationships(uow, workflow_id, part)
    return page.page([JobUserDataRelationship.model_construct(**row) for row in rows], total=total)
