"""JSON values passed between jobs."""

from dataclasses import replace

from torc_core.api.files import UserDataListModel, UserDataModel
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import OptionalFlag, OptionalText, QueryId
from torc_server.routes.records.factory import add_record_routes, services_of
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import user_data

router = contract_router("user_data")

add_record_routes(
    router,
    "/user_data",
    UserDataModel,
    replace(services_of(user_data.USER_DATA), create=None, list_page=user_data.list_user_data),
    one="user_data",
    filters={
        "consumer_job_id": QueryId,
        "producer_job_id": QueryId,
        "name": OptionalText,
        "is_ephemeral": OptionalFlag,
    },
    names={"delete_all": "delete_all_user_data"},
)


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
