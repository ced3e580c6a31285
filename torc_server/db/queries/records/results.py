"""The records of attempts, with the names of their jobs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import exists, select, tuple_

from torc_core.jobs.status import ATTEMPTED, STATUS_CODES, JobStatus
from torc_server.db.queries.records.base import Condition, RecordStore, Row, Slice, read_slice
from torc_server.db.tables.jobs import Job, Result
from torc_server.db.unit_of_work import UnitOfWork

RESULTS: Final = RecordStore(Result)
_RESULT: Final = RESULTS.table
_JOB: Final = RecordStore(Job).table
_CANCELED: Final = STATUS_CODES[JobStatus.CANCELED]
_ATTEMPTED: Final = [STATUS_CODES[status] for status in ATTEMPTED]


def find_results(
    uow: UnitOfWork, workflow_id: int, part: Slice, *, equals: Mapping[str, Any], current: bool, only_failed: bool
) -> tuple[list[Row], int]:
    """Return the rows of the slice and how many there are in all; with `current` at most one of each job."""
    conditions = RESULTS.where(workflow_id, equals=equals)
    if only_failed:
        conditions.append(_RESULT.c.return_code != 0)
    if current:
        conditions += _is_current()
    statement = select(_RESULT, _JOB.c.name.label("job_name")).join(_JOB, _JOB.c.id == _RESULT.c.job_id)
    return read_slice(
        uow, statement.where(*conditions), part, sort_column=_RESULT.c[part.sort_by], tie_break=(_RESULT.c.id,)
    )


def get_result(uow: UnitOfWork, result_id: int) -> Row | None:
    statement = select(_RESULT, _JOB.c.name.label("job_name")).join(_JOB, _JOB.c.id == _RESULT.c.job_id)
    row = uow.session.execute(statement.where(_RESULT.c.id == result_id)).mappings().first()
    return None if row is None else dict(row)


def attempt_has_result(uow: UnitOfWork, job_id: int, *, run_id: int, attempt_id: int) -> bool:
    row = uow.row(
        "SELECT 1 FROM result WHERE job_id = :job_id AND run_id = :run_id AND attempt_id = :attempt_id",
        job_id=job_id,
        run_id=run_id,
        attempt_id=attempt_id,
    )
    return row is not None


def _is_current() -> Sequence[Condition]:
    """Return the conditions for the newest attempt of a job that ended; a job canceled without one has none."""
    newer = _RESULT.alias("newer")
    is_newer = tuple_(newer.c.run_id, newer.c.attempt_id) > tuple_(_RESULT.c.run_id, _RESULT.c.attempt_id)
    ended = _JOB.c.status.in_(_ATTEMPTED) | ((_JOB.c.status == _CANCELED) & (_RESULT.c.status == _CANCELED))
    return [ended, ~exists().where(newer.c.job_id == _RESULT.c.job_id, is_newer)]
