"""The records of attempts."""

from torc_core.api.results import ResultModel
from torc_core.jobs.status import JobStatus
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, QueryId
from torc_server.routes.records.factory import RecordServices, add_record_routes
from torc_server.services.records import results

router = contract_router("results")

add_record_routes(
    router,
    "/results",
    ResultModel,
    RecordServices(
        create=results.create_result,
        list_page=results.list_results,
        get=results.get_result,
        update=results.update_result,
        delete=results.delete_result,
        delete_all=results.delete_results,
    ),
    one="result",
    filters={
        "job_id": QueryId,
        "run_id": QueryId,
        "return_code": Number,
        "failed": (bool, False),
        "status": JobStatus | None,
        "compute_node_id": QueryId,
        "all_runs": (bool, False),
    },
)
