"""Files that jobs read and write."""

from typing import Final

from torc_core.api.base import Page
from torc_core.api.files import FileModel
from torc_server.db.queries.records.base import RecordStore
from torc_server.db.queries.records.relationships import file_is_output, file_written_by
from torc_server.db.tables.workflows import File
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import Records
from torc_server.services.records.paging import PageRequest

FILES: Final = Records(RecordStore(File), FileModel, noun="file", clearable={"st_mtime"})


def list_files(
    uow: UnitOfWork,
    workflow_id: int,
    page: PageRequest,
    *,
    produced_by_job_id: int | None,
    name: str | None,
    path: str | None,
    is_output: bool | None,
) -> Page[FileModel]:
    """List files by exact name or path, by the job that writes them, or by whether any job does."""
    conditions = FILES.store.where(workflow_id, equals={"name": name, "path": path})
    if produced_by_job_id is not None:
        conditions.append(file_written_by(produced_by_job_id))
    if is_output is not None:
        conditions.append(file_is_output(wanted=is_output))
    return FILES.list_where(uow, workflow_id, page, conditions)
