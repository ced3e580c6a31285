"""Files that jobs read and write."""

from dataclasses import replace

from torc_core.api.files import FileModel, FilesModel
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import OptionalFlag, OptionalText, QueryId
from torc_server.routes.records.factory import add_record_routes, services_of
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.files import FILES, list_files

router = contract_router("files")

add_record_routes(
    router,
    "/files",
    FileModel,
    replace(services_of(FILES), list_page=list_files),
    one="file",
    filters={"produced_by_job_id": QueryId, "name": OptionalText, "path": OptionalText, "is_output": OptionalFlag},
)


@router.post("/bulk_files")
def create_files(body: FilesModel, work: Working) -> FilesModel:
    return FilesModel(files=work.write(FILES.create_all, body.files))


@router.put("/bulk_files")
def update_files(body: FilesModel, work: Working) -> FilesModel:
    return FilesModel(files=work.write(FILES.update_all, body.files))
