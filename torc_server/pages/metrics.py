"""The numbers of the server for Prometheus, at `/metrics`."""

from fastapi import Response

from torc_server.pages.page_route import page_router
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.metrics import server_numbers

router = page_router()


@router.get("/metrics")
def show_metrics(work: Working) -> Response:
    """Return the counts in the text format of Prometheus. They name no workflow and no user."""
    # not at the top: it would make every start of a server slower
    from torc_server.pages.prometheus_text import CONTENT_TYPE, metrics_text

    return Response(metrics_text(work.read(server_numbers)), media_type=CONTENT_TYPE)
