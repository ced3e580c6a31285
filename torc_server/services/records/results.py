"""The records of attempts, apart from what completing a job writes."""

from typing import Any

from torc_core.api.base import Page
from torc_core.api.results import ResultModel
from torc_core.api.system import DeleteCount
from torc_core.errors import AlreadyTakenError, InvalidInputError, NotFoundError
from torc_core.hints import Hint, torc
from torc_core.jobs.status import STATUS_BY_CODE, STATUS_CODES, JobStatus
from torc_server.db.queries.records import results as queries
from torc_server.db.queries.records.base import Row
from torc_server.db.queries.records.relationships import workflow_of_job
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import slice_of
from torc_server.services.records.foreign import RUNNERS, refuse_foreign
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest

_SORTABLE = tuple(sorted(queries.RESULTS.columns))
_FIXED = frozenset({"id", "workflow_id", "job_id", "run_id", "attempt_id"})


def create_result(uow: UnitOfWork, record: ResultModel) -> ResultModel:
    """Store a result; the job stays as it is. For imports and old clients."""
    find_workflow(uow, record.workflow_id)
    if workflow_of_job(uow, record.job_id) != record.workflow_id:
        raise InvalidInputError(f"there is no job {record.job_id} in workflow {record.workflow_id}")
    row = _row(record) | {"attempt_id": record.attempt_id or 1}
    refuse_foreign(uow, record.workflow_id, "compute_node_id", RUNNERS, [record.compute_node_id])
    if queries.attempt_has_result(uow, record.job_id, run_id=record.run_id, attempt_id=row["attempt_id"]):
        raise AlreadyTakenError(
            f"attempt {row['attempt_id']} of job {record.job_id} in run {record.run_id} has a result",
            ids={"job_id": record.job_id},
        )
    return get_result(uow, queries.RESULTS.insert(uow, row)["id"])


def get_result(uow: UnitOfWork, result_id: int) -> ResultModel:
    row = queries.get_result(uow, result_id)
    if row is None:
        raise NotFoundError(
            f"there is no result {result_id}",
            hint=Hint("`{}` shows those of a workflow", torc("results list", "WORKFLOW_ID")),
            ids={"id": result_id},
        )
    return _model(row)


def update_result(uow: UnitOfWork, result_id: int, record: ResultModel) -> ResultModel:
    """Update the fields that are given; job, run and attempt stay as they are."""
    known = get_result(uow, result_id)
    refuse_foreign(uow, known.workflow_id, "compute_node_id", RUNNERS, [record.compute_node_id])
    given = {name: value for name, value in _row(record).items() if name not in _FIXED and value is not None}
    queries.RESULTS.update(uow, result_id, given)
    return get_result(uow, result_id)


def delete_result(uow: UnitOfWork, result_id: int) -> ResultModel:
    record = get_result(uow, result_id)
    queries.RESULTS.delete(uow, result_id)
    return record


def delete_results(uow: UnitOfWork, workflow_id: int) -> DeleteCount:
    find_workflow(uow, workflow_id)
    return DeleteCount(count=queries.RESULTS.delete_all(uow, workflow_id))


def list_results(
    uow: UnitOfWork,
    workflow_id: int,
    page: PageRequest,
    *,
    job_id: int | None,
    run_id: int | None,
    return_code: int | None,
    failed: bool,
    status: JobStatus | None,
    compute_node_id: int | None,
    all_runs: bool,
) -> Page[ResultModel]:
    """List the current result of each job that ended, or with `all_runs` every result there is.

    `failed` leaves out those with return code 0.
    """
    find_workflow(uow, workflow_id)
    equals = {
        "job_id": job_id,
        "run_id": run_id,
        "return_code": return_code,
        "status": None if status is None else STATUS_CODES[status],
        "compute_node_id": compute_node_id,
    }
    part = slice_of(page, _SORTABLE)
    rows, total = queries.find_results(uow, workflow_id, part, equals=equals, current=not all_runs, only_failed=failed)
    return page.page([_model(row) for row in rows], total=total)


def _model(row: Row) -> ResultModel:
    return ResultModel.model_construct(**{**row, "status": STATUS_BY_CODE[row["status"]]})


def _row(record: ResultModel) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in queries.RESULTS.columns if name != "id"}
    return row | {"status": STATUS_CODES[record.status]}
