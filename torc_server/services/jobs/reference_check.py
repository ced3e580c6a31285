"""The check that jobs refer only to records of their workflow."""

from collections.abc import Mapping, Sequence
from typing import Final

from torc_core.api.jobs import JobModel
from torc_core.errors import InvalidInputError
from torc_server.db.queries.records.lookup import foreign_ids
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.foreign import SCHEDULERS, refuse_foreign

_LISTS: Final[Mapping[str, str]] = {
    "depends_on_job_ids": "job",
    "input_file_ids": "file",
    "output_file_ids": "file",
    "input_user_data_ids": "user_data",
    "output_user_data_ids": "user_data",
}
_SINGLE: Final[Mapping[str, str]] = {
    "resource_requirements_id": "resource_requirements",
    "failure_handler_id": "failure_handler",
}
_SHOWN: Final = 10


def check_references(uow: UnitOfWork, workflow_id: int, jobs: Sequence[JobModel]) -> None:
    """Raise InvalidInputError that names the field and the ids which are not of this workflow."""
    for field, table in _LISTS.items():
        _check(uow, workflow_id, field, table, {item for job in jobs for item in (getattr(job, field) or ())})
    for field, table in _SINGLE.items():
        _check(uow, workflow_id, field, table, {getattr(job, field) for job in jobs} - {None})
    refuse_foreign(uow, workflow_id, "scheduler_id", SCHEDULERS, {job.scheduler_id for job in jobs})


def _check(uow: UnitOfWork, workflow_id: int, field: str, table: str, ids: set[int]) -> None:
    unknown = foreign_ids(uow, table, workflow_id, ids) if ids else []
    if unknown:
        raise InvalidInputError(
            f"{field} names records that workflow {workflow_id} does not have: {', '.join(map(str, unknown[:_SHOWN]))}",
            hint="create it first, or name one of the workflow's own",
            ids={"workflow_id": workflow_id},
        )
