"""Dependencies between jobs, and the files and user data that they come from."""

from torc_core.api.base import Page
from torc_core.api.relationships import JobDependency, JobFileRelationship, JobUserDataRelationship
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import RecordId, SortedPage
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import relationships

router = contract_router("workflows")


@router.get("/workflows/{id}/job_dependencies")
def list_job_dependencies(workflow_id: RecordId, work: Working, page: SortedPage) -> Page[JobDependency]:
    return work.read(relationships.list_job_dependencies, workflow_id, page)


@router.get("/workflows/{id}/job_file_relationships")
def list_job_file_relationships(workflow_id: RecordId, work: Working, page: SortedPage) -> Page[JobFileRelationship]:
    return work.read(relationships.list_job_file_relationships, workflow_id, page)


@router.get("/workflows/{id}/job_user_data_relationships")
def list_job_user_data_relationships(
    workflow_id: RecordId, work: Working, page: SortedPage
) -> Page[JobUserDataRelationship]:
    return work.read(relationships.list_job_user_data_relationships, workflow_id, page)
