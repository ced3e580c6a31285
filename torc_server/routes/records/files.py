"""Files that jobs read and write."""

from torc_core.api.base import Page
from torc_core.api.files import FileModel, FilesModel
from torc_core.api.system import DeleteCount
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import QueryId, RecordId, SortedPage, WorkflowId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import files

router = contract_router("files")


@router.post("/files")
def create_file(body: FileModel, work: Working) -> FileModel:
    return work.write(files.FILES.create, body)


@router.post("/bulk_files")
def create_files(body: FilesModel, work: Working) -> FilesModel:
    return FilesModel(files=work.write(files.FILES.create_all, body.files))


@router.put("/bulk_files")
def update_files(body: FilesModel, work: Working) -> FilesModel:
    return FilesModel(files=work.write(files.FILES.update_all, body.files))


@router.get("/files")
def list_files(
    work: Working,
    workflow_id: WorkflowId,
    page: SortedPage,
    produced_by_job_id: QueryId = None,
    name: str | None = None,
    path: str | None = None,
    is_output: bool | None = None,
) -> Page[FileModel]:
    return work.read(
        files.list_files,
        workflow_id,
        page,
        produced_by_job_id=produced_by_job_id,
        name=name,
        path=path,
        is_output=is_output,
    )


@router.get("/files/{id}")
def get_file(record_id: RecordId, work: Working) -> FileModel:
    return work.read(files.FILES.get, record_id)


@router.put("/files/{id}")
def update_file(record_id: RecordId, body: FileModel, work: Working) -> FileModel:
    return work.write(files.FILES.update, record_id, body)


@router.delete("/files/{id}")
def delete_file(record_id: RecordId, work: Working) -> FileModel:
    return work.write(files.FILES.delete, record_id)


@router.delete("/files")
def delete_files(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(files.FILES.delete_all, workflow_id)
