"""The stream of a workflow's events as they happen, as server-sent events."""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated, Final

from fastapi import Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from torc_core.api.events import StreamEvent
from torc_core.errors import TorcError
from torc_core.jobs.status import Severity
from torc_server.access.authenticate import Authenticator
from torc_server.access.browser import SESSION
from torc_server.access.door import ADDRESS, AUTHORIZATION, PRINCIPAL
from torc_server.access.policy import Permission, Rule, Subject
from torc_server.broadcast import Hub
from torc_server.routes.contract import contract_router
from torc_server.routes.guard import Guard
from torc_server.routes.parameters import RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.lookup import find_workflow

KEEP_ALIVE_S: Final = 15.0
_KEEP_ALIVE: Final = ": keep-alive\n\n"
_LEVELS: Final[dict[str, Severity]] = {"debug": "debug", "info": "info", "warning": "warning", "error": "error"}

_READS: Final = Rule(Permission.VIEW, Subject.WORKFLOW)
_RECOVERS: Final = Rule(Permission.APPROVE, Subject.WORKFLOW)
"""Runners wait for a reader who recovers: it must be one who may."""

router = contract_router("events")


class EventStream(StreamingResponse):
    """Frames of server-sent events; the data of each is one StreamEvent."""

    media_type = "text/event-stream"


@router.get(
    "/workflows/{id}/events/stream",
    response_class=EventStream,
    responses={200: {"content": {EventStream.media_type: {"schema": StreamEvent.model_json_schema()}}}},
)
async def stream_events(
    request: Request,
    workflow_id: RecordId,
    work: Working,
    level: str = "info",
    recovers: Annotated[bool, Query(description="the reader is there to recover the workflow")] = False,
) -> EventStream:
    if recovers:
        guard: Guard = request.app.state.guard
        await guard.admit(request, _RECOVERS)
    await run_in_threadpool(work.read, find_workflow, workflow_id)
    frames = _frames(request, work.hub, workflow_id, _LEVELS.get(level.lower(), "info"), recovers=recovers)
    return EventStream(frames, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})


async def _frames(
    request: Request, hub: Hub, workflow_id: int, level: Severity, *, recovers: bool
) -> AsyncIterator[str]:
    """Yield frames until the reader leaves, may read no more, or the server stops."""
    with ExitStack() as stack:
        reader = stack.enter_context(hub.reading(workflow_id, level))
        if recovers:
            stack.enter_context(hub.recovering(workflow_id, reader))
        yield ": connected\n\n"
        while not hub.is_closing:
            has_news = await reader.wait(KEEP_ALIVE_S)
            # before each frame: a stream is one request, and would outlive the token with which it was opened
            if not await may_still_read(request, _RECOVERS if recovers else _READS):
                return
            if not has_news:
                yield _KEEP_ALIVE
                continue
            events, dropped = reader.take()
            if events:
                yield "".join(_frame(event.event_type, event.model_dump_json()) for event in events)
            if dropped:
                yield _frame("warning", json.dumps({"dropped": dropped}))


async def may_still_read(request: Request, rule: Rule = _READS) -> bool:
    """Return whether the credentials with which the stream was opened, and the browser's session, are still good."""
    authenticator: Authenticator = request.app.state.authenticator
    guard: Guard = request.app.state.guard
    session = request.scope.get(SESSION)
    if session is not None and session.is_closed:
        return False
    try:
        address = request.scope.get(ADDRESS, "")
        principal = await authenticator.identify(request.scope.get(AUTHORIZATION), address)
        if principal is None:
            return False
        request.scope[PRINCIPAL] = principal
        await guard.admit(request, rule)
    except TorcError:
        return False
    return True


def _frame(event_type: str, data: str) -> str:
    return f"event: {event_type}\ndata: {data}\n\n"
