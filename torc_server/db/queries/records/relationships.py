"""Which jobs read and write which files and data: as conditions on lists, and as the lists of relationships."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, insert, select
from sqlmodel import SQLModel

from torc_server.db.queries.records.base import Condition, Row, Slice, read_slice
from torc_server.db.tables.jobs import (
    Job,
    JobDependsOn,
    JobInputFile,
    JobInputUserData,
    JobOutputFile,
    JobOutputUserData,
)
from torc_server.db.tables.workflows import File, ResourceRequirements, UserData
from torc_server.db.unit_of_work import UnitOfWork


def _table(record: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(record.__tablename__)]


_JOB: Final = _table(Job)
_FILE: Final = _table(File)
_USER_DATA: Final = _table(UserData)
_DEPENDS_ON: Final = _table(JobDependsOn)
_READS_FILE: Final = _table(JobInputFile)
_WRITES_FILE: Final = _table(JobOutputFile)
_READS_DATA: Final = _table(JobInputUserData)
_WRITES_DATA: Final = _table(JobOutputUserData)


def file_written_by(job_id: int) -> Condition:
    return _linked(_FILE, _WRITES_FILE.c.file_id, _WRITES_FILE.c.job_id == job_id)


def file_is_output(*, wanted: bool) -> Condition:
    some_job_writes_it = _FILE.c.id.in_(select(_WRITES_FILE.c.file_id))
    return some_job_writes_it if wanted else ~some_job_writes_it


def data_read_by(job_id: int) -> Condition:
    return _linked(_USER_DATA, _READS_DATA.c.user_data_id, _READS_DATA.c.job_id == job_id)


def data_written_by(job_id: int) -> Condition:
    return _linked(_USER_DATA, _WRITES_DATA.c.user_data_id, _WRITES_DATA.c.job_id == job_id)


def requirements_of(job_id: int) -> Condition:
    return _linked(_table(ResourceRequirements), _JOB.c.resource_requirements_id, _JOB.c.id == job_id)


def link_user_data(uow: UnitOfWork, user_data_id: int, *, reader: int | None, writer: int | None) -> None:
    for table, job_id in ((_READS_DATA, reader), (_WRITES_DATA, writer)):
        if job_id is not None:
            uow.session.execute(insert(table).values(job_id=job_id, user_data_id=user_data_id))


def workflow_of_job(uow: UnitOfWork, job_id: int) -> int | None:
    return uow.session.execute(select(_JOB.c.workflow_id).where(_JOB.c.id == job_id)).scalar()


def dependencies(uow: UnitOfWork, workflow_id: int, part: Slice) -> tuple[list[Row], int]:
    job, other = _JOB.alias("job_"), _JOB.alias("other")
    statement = (
        select(
            job.c.workflow_id,
            job.c.id.label("job_id"),
            job.c.name.label("job_name"),
            other.c.id.label("depends_on_job_id"),
            other.c.name.label("depends_on_job_name"),
        )
        .select_from(_DEPENDS_ON.join(job, job.c.id == _DEPENDS_ON.c.job_id))
        .join(other, other.c.id == _DEPENDS_ON.c.depends_on_job_id)
        .where(job.c.workflow_id == workflow_id)
    )
    return _slice_of(uow, statement, part, tie_break=(_DEPENDS_ON.c.job_id, _DEPENDS_ON.c.depends_on_job_id))


def file_relationships(uow: UnitOfWork, workflow_id: int, part: Slice) -> tuple[list[Row], int]:
    described = (
        _FILE.c.id.label("file_id"),
        _FILE.c.name.label("file_name"),
        _FILE.c.path.label("file_path"),
    )
    return _relationships(uow, workflow_id, part, _FILE, described, (_WRITES_FILE, _READS_FILE, "file_id"))


def user_data_relationships(uow: UnitOfWork, workflow_id: int, part: Slice) -> tuple[list[Row], int]:
    described = (_USER_DATA.c.id.label("user_data_id"), _USER_DATA.c.name.label("user_data_name"))
    return _relationships(uow, workflow_id, part, _USER_DATA, described, (_WRITES_DATA, _READS_DATA, "user_data_id"))


def _relationships(
    uow: UnitOfWork,
    workflow_id: int,
    part: Slice,
    table: Table,
    described: tuple[ColumnElement[Any], ...],
    links: tuple[Table, Table, str],
) -> tuple[list[Row], int]:
    """Return one row per producer and consumer of a record; NULL where there is none."""
    writes, reads, key = links
    producer, consumer = _JOB.alias("producer"), _JOB.alias("consumer")
    statement = (
        select(
            table.c.workflow_id,
            *described,
            producer.c.id.label("producer_job_id"),
            producer.c.name.label("producer_job_name"),
            consumer.c.id.label("consumer_job_id"),
            consumer.c.name.label("consumer_job_name"),
        )
        .select_from(table)
        .outerjoin(writes, writes.c[key] == table.c.id)
        .outerjoin(producer, producer.c.id == writes.c.job_id)
        .outerjoin(reads, reads.c[key] == table.c.id)
        .outerjoin(consumer, consumer.c.id == reads.c.job_id)
        .where(table.c.workflow_id == workflow_id)
    )
    return _slice_of(uow, statement, part, tie_break=(table.c.id, writes.c.job_id, reads.c.job_id))


def _slice_of(
    uow: UnitOfWork, statement: Select[Any], part: Slice, *, tie_break: tuple[ColumnElement[Any], ...]
) -> tuple[list[Row], int]:
    return read_slice(uow, statement, part, sort_column=statement.selected_columns[part.sort_by], tie_break=tie_break)


def _linked(table: Table, linked_id: ColumnElement[Any], condition: Condition) -> Condition:
    return table.c.id.in_(select(linked_id).where(condition))
