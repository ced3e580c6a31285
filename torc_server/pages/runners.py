"""Pages of what a workflow runs on, and of the server itself."""

from typing import Final

from fastapi import Request, Response

from torc_core.api.base import Page
from torc_core.api.nodes import ComputeNodeModel, ScheduledComputeNodeModel
from torc_core.api.tokens import Tokens
from torc_server.access.principals import Scope
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.pages.page_route import Visiting, page, page_router
from torc_server.pages.paging import PageNumber, Pager
from torc_server.routes.parameters import RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.access import tokens
from torc_server.services.records.compute_nodes import SCHEDULED_NODES, list_compute_nodes
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest

_RUNNERS_SHOWN: Final = 50
_TOKENS_SHOWN: Final = 100

router = page_router()

Found = tuple[str, Page[ComputeNodeModel], Page[ScheduledComputeNodeModel]]


@router.get("/workflows/{id}/runners")
def list_runners(
    request: Request, workflow_id: RecordId, work: Working, number: PageNumber = 1, active: bool = False
) -> Response:
    pager = Pager(number, _RUNNERS_SHOWN)

    def read(uow: UnitOfWork) -> Found:
        name = find_workflow(uow, workflow_id).name
        part = PageRequest(offset=pager.offset, limit=pager.size, sort_by="id", reverse_sort=True)
        nodes = list_compute_nodes(
            uow, workflow_id, part, hostname=None, is_active=active or None, scheduled_compute_node_id=None
        )
        newest = PageRequest(limit=_RUNNERS_SHOWN, sort_by="id", reverse_sort=True)
        return name, nodes, SCHEDULED_NODES.list_page(uow, workflow_id, newest)

    name, nodes, allocations = work.read(read)
    return page(
        request,
        "runners.html",
        title=f"Runners of {name} ({workflow_id})",
        workflow_id=workflow_id,
        name=name,
        nodes=nodes,
        allocations=allocations,
        active=active,
        pager=pager.of(nodes.total_count, {"active": "true" if active else ""}),
    )


@router.get("/settings")
def show_settings(request: Request, work: Working, visitor: Visiting) -> Response:
    """Show who the visitor is, what the server is set to, and the visitor's tokens."""
    is_admin = visitor.principal.scope is Scope.ADMIN

    def read(uow: UnitOfWork) -> tuple[Tokens, bool, float]:
        found = tokens.list_tokens(uow, None if is_admin else visitor.principal.name)
        return found, uow.settings.use_pending_failed, uow.settings.max_raise

    found, use_pending_failed, max_raise = work.read(read)
    return page(
        request,
        "settings.html",
        title="Settings",
        tokens=found.items[:_TOKENS_SHOWN],
        use_pending_failed=use_pending_failed,
        max_raise=max_raise,
        enforces=request.app.state.guard.enforces,
    )
