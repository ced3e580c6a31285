"""The records of attempts."""

from torc_core.api.base import Page
from torc_core.api.results import ResultModel
from torc_core.api.system import DeleteCount
from torc_core.jobs.status import JobStatus
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, QueryId, RecordId, SortedPage, WorkflowId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import results

router = contract_router("results")


@router.post("/results")
def create_result(body: ResultModel, work: Working) -> ResultModel:
    return work.write(results.create_result, body)


@router.get("/results")
def list_results(
    work: Working,
    workflow_id: WorkflowId,
    page: SortedPage,
    job_id: QueryId = None,
    run_id: QueryId = None,
    return_code: Number = None,
    failed: bool = False,
    status: JobStatus | None = None,
    compute_node_id: QueryId = None,
    all_runs: bool = False,
) -> Page[ResultModel]:
    return work.read(
        results.list_results,
        workflow_id,
        page,
        job_id=job_id,
        run_id=run_id,
        return_code=return_code,
        only_failed=failed,
        status=status,
        compute_node_id=compute_node_id,
        all_runs=all_runs,
    )


@router.get("/results/{id}")
def get_result(record_id: RecordId, work: Working) -> ResultModel:
    return work.read(results.get_result, record_id)


@router.put("/results/{id}")
def update_result(record_id: RecordId, body: ResultModel, work: Working) -> ResultModel:
    return work.write(results.update_result, record_id, body)


@router.delete("/results/{id}")
def delete_result(record_id: RecordId, work: Working) -> ResultModel:
    return work.write(results.delete_result, record_id)


@router.delete("/results")
def delete_results(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(results.delete_results, workflow_id)
