"""JSON values passed between jobs."""

from torc_core.api.base import Page
from torc_core.api.files import UserDataListModel, UserDataModel
from torc_core.api.system import DeleteCount
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import QueryId, RecordId, SortedPage, WorkflowId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import user_data

router = contract_router("user_data")


@router.post("/user_data")
def create_user_data(
    body: UserDataModel, work: Working, consumer_job_id: QueryId = None, producer_job_id: QueryId = None
) -> UserDataModel:
    return work.write(
        user_data.create_user_data, body, consumer_job_id=consumer_job_id, producer_job_id=producer_job_id
    )


@router.post("/bulk_user_data")
def create_user_data_list(body: UserDataListModel, work: Working) -> UserDataListModel:
    return UserDataListModel(user_data=work.write(user_data.USER_DATA.create_all, body.user_data))


@router.get("/user_data")
def list_user_data(
    work: Working,
    workflow_id: WorkflowId,
    page: SortedPage,
    consumer_job_id: QueryId = None,
    producer_job_id: QueryId = None,
    name: str | None = None,
    is_ephemeral: bool | None = None,
) -> Page[UserDataModel]:
    return work.read(
        user_data.list_user_data,
        workflow_id,
        page,
        consumer_job_id=consumer_job_id,
        producer_job_id=producer_job_id,
        name=name,
        is_ephemeral=is_ephemeral,
    )


@router.get("/user_data/{id}")
def get_user_data(record_id: RecordId, work: Working) -> UserDataModel:
    return work.read(user_data.USER_DATA.get, record_id)


@router.put("/user_data/{id}")
def update_user_data(record_id: RecordId, body: UserDataModel, work: Working) -> UserDataModel:
    return work.write(user_data.USER_DATA.update, record_id, body)


@router.delete("/user_data/{id}")
def delete_user_data(record_id: RecordId, work: Working) -> UserDataModel:
    return work.write(user_data.USER_DATA.delete, record_id)


@router.delete("/user_data")
def delete_all_user_data(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(user_data.USER_DATA.delete_all, workflow_id)
