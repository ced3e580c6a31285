"""Files that jobs read and write."""

from collections.abc import Mapping
from typing import Any, Final

from torc_core.api.base import Page
from torc_core.api.files import FileModel
from torc_server.db.queries.records.base import RecordStore
from torc_server.db.queries.records.relationships import file_is_output, file_written_by
from torc_server.db.tables.workflows import File
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import Records
from torc_server.services.records.paging import PageRequest


class _Files(Records[FileModel]):
    """Files; a new modification time without the content that goes with it clears the recorded one."""

    def update(
        self, uow: UnitOfWork, record_id: int, record: FileModel, *, derived: Mapping[str, Any] | None = None
    ) -> FileModel:
        if "st_mtime" in record.model_fields_set and record.sha256 is None:
            derived = {"sha256": None, **(derived or {})}
        return super().update(uow, record_id, record, derived=derived)


FILES: Final = _Files(RecordStore(File), FileModel, noun="file", clearable={"st_mtime"})


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
