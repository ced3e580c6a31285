"""JSON values passed between jobs."""

from typing import Final

from torc_core.api.base import Page
from torc_core.api.files import UserDataModel
from torc_core.errors import InvalidInputError
from torc_server.db.queries.records.base import RecordStore
from torc_server.db.queries.records.relationships import data_read_by, data_written_by, link_user_data, workflow_of_job
from torc_server.db.tables.workflows import UserData
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import Records
from torc_server.services.records.paging import PageRequest

USER_DATA: Final = Records(RecordStore(UserData), UserDataModel, noun="user data", defaults={"is_ephemeral": False})


def create_user_data(
    uow: UnitOfWork, record: UserDataModel, *, consumer_job_id: int | None, producer_job_id: int | None
) -> UserDataModel:
    """Create user data, read and written by the given jobs."""
    created = USER_DATA.create(uow, record)
    for job_id in (consumer_job_id, producer_job_id):
        if job_id is not None and workflow_of_job(uow, job_id) != record.workflow_id:
            raise InvalidInputError(
                f"there is no job {job_id} in workflow {record.workflow_id}",
                ids={"job_id": job_id, "workflow_id": record.workflow_id},
            )
    if created.id is not None:
        link_user_data(uow, created.id, reader=consumer_job_id, writer=producer_job_id)
    return created


def list_user_data(
    uow: UnitOfWork,
    workflow_id: int,
    page: PageRequest,
    *,
    consumer_job_id: int | None,
    producer_job_id: int | None,
    name: str | None,
    is_ephemeral: bool | None,
) -> Page[UserDataModel]:
    """List user data by a part of the name, or by a job that reads or writes it."""
    conditions = USER_DATA.store.where(workflow_id, equals={"is_ephemeral": is_ephemeral}, contains={"name": name})
    if consumer_job_id is not None:
        conditions.append(data_read_by(consumer_job_id))
    if producer_job_id is not None:
        conditions.append(data_written_by(producer_job_id))
    return USER_DATA.list_where(uow, workflow_id, page, conditions)
