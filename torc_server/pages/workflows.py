"""Pages of workflows: the list, one workflow as it stands, and the news by which its page follows it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from torc_core.api.base import Page
from torc_core.api.failures import FailureGroups
from torc_core.api.jobs import RunningJob
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.api.workflows import WorkflowModel, WorkflowStatusModel
from torc_core.jobs.status import JobStatus
from torc_server.broadcast import Hub
from torc_server.db.queries.runs import overview
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.pages.page_route import page, page_router
from torc_server.pages.paging import PageNumber, Pager
from torc_server.pages.state_bar import Segment, state_bar
from torc_server.routes.event_stream import KEEP_ALIVE_S, EventStream, may_still_read
from torc_server.routes.guard import Calling
from torc_server.routes.parameters import RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import workflows
from torc_server.services.records.compute_nodes import SCHEDULED_NODES
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.runs import summary
from torc_server.services.triage import groups

_WORKFLOWS_SHOWN: Final = 50
_GROUPS_SHOWN: Final = 10
_RUNNING_SHOWN: Final = 20
_ALLOCATIONS_SHOWN: Final = 10

router = page_router()


@dataclass(frozen=True)
class WorkflowLine:
    """One workflow of the list."""

    workflow: WorkflowModel
    bar: tuple[Segment, ...]
    counts: Mapping[JobStatus, int]


@dataclass(frozen=True)
class WorkflowView:
    """One workflow as its page shows it."""

    status: WorkflowStatusModel
    bar: tuple[Segment, ...]
    waiting: int
    failures: FailureGroups
    running: Page[RunningJob]
    allocations: Page[ScheduledComputeNodeModel]
    open_proposals: int


@router.get("/")
def list_workflows(
    request: Request,
    work: Working,
    caller: Calling,
    number: PageNumber = 1,
    archived: bool = False,
    user: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    pager = Pager(number, _WORKFLOWS_SHOWN)

    def read(uow: UnitOfWork) -> tuple[list[WorkflowLine], int]:
        found = workflows.list_workflows(
            uow,
            PageRequest(offset=pager.offset, limit=pager.size, sort_by="id", reverse_sort=True),
            user=user or None,
            is_archived=None if archived else False,
            visible_to=caller.visible_to,
            only_id=caller.principal.workflow_id,
        )
        counts = overview.count_by_workflow(uow, [each.id for each in found.items if each.id is not None])
        lines = [_line(each, counts.get(each.id or 0, {})) for each in found.items]
        return lines, found.total_count

    lines, total = work.read(read)
    return page(
        request,
        "workflows.html",
        title="Workflows",
        lines=lines,
        pager=pager.of(total, {"archived": "true" if archived else "", "user": user}),
        archived=archived,
        user=user,
    )


@router.get("/workflows/{id}")
def get_workflow(request: Request, workflow_id: RecordId, work: Working) -> Response:
    view = work.read(_view, workflow_id)
    title = f"{view.status.workflow_name} ({workflow_id})"
    return page(request, "workflow.html", title=title, workflow_id=workflow_id, view=view)


@router.get("/workflows/{id}/live")
async def follow_workflow(request: Request, workflow_id: RecordId, work: Working) -> EventStream:
    """Send a frame for each event of the workflow; the page then loads its parts again."""
    await run_in_threadpool(work.read, find_workflow, workflow_id)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return EventStream(_news(request, work.hub, workflow_id), headers=headers)


async def _news(request: Request, hub: Hub, workflow_id: int) -> AsyncIterator[str]:
    """Yield frames until the reader leaves or may read no more, or the server stops. They hold no text of jobs."""
    with hub.reading(workflow_id, "info") as reader:
        yield "data: connected\n\n"
        while not hub.is_closing:
            has_news = await reader.wait(KEEP_ALIVE_S)
            if not await may_still_read(request):
                return
            reader.take()
            yield "data: news\n\n" if has_news else ": keep-alive\n\n"


def _line(workflow: WorkflowModel, counts: Mapping[JobStatus, int]) -> WorkflowLine:
    return WorkflowLine(workflow, state_bar(counts), counts)


def _view(uow: UnitOfWork, workflow_id: int) -> WorkflowView:
    status = summary.workflow_status(uow, workflow_id)
    counts = dict(status.jobs_by_status.root)
    found = groups.list_groups(
        uow, workflow_id, PageRequest(limit=_GROUPS_SHOWN), status="pending_failed", job_ids_limit=0
    )
    return WorkflowView(
        status=status,
        bar=state_bar(counts),
        waiting=counts.get(JobStatus.PENDING_FAILED, 0),
        failures=found,
        running=summary.running_jobs(uow, workflow_id, PageRequest(limit=_RUNNING_SHOWN)),
        allocations=SCHEDULED_NODES.list_page(
            uow, workflow_id, PageRequest(limit=_ALLOCATIONS_SHOWN, sort_by="id", reverse_sort=True)
        ),
        open_proposals=overview.count_open_proposals(uow, workflow_id),
    )
