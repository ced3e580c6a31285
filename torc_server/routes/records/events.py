"""Stored events, and the stream of what happens now."""

from typing import Annotated, Any

from fastapi import Body

from torc_core.api.base import Page
from torc_core.api.events import EventModel
from torc_core.api.system import DeleteCount
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, RecordId, SortedPage, WorkflowId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import events

router = contract_router("events")


@router.post("/events")
def create_event(body: EventModel, work: Working) -> EventModel:
    return work.write(events.EVENTS.create, body)


@router.get("/events")
def list_events(
    work: Working,
    workflow_id: WorkflowId,
    page: SortedPage,
    category: str | None = None,
    after_timestamp: Number = None,
) -> Page[EventModel]:
    return work.read(events.list_events, workflow_id, page, category=category, after_timestamp=after_timestamp)


@router.get("/events/{id}")
def get_event(record_id: RecordId, work: Working) -> EventModel:
    return work.read(events.EVENTS.get, record_id)


@router.put("/events/{id}")
def update_event(record_id: RecordId, body: Annotated[Any, Body()], work: Working) -> EventModel:
    return work.write(events.update_event, record_id, body)


@router.delete("/events/{id}")
def delete_event(record_id: RecordId, work: Working) -> EventModel:
    return work.write(events.EVENTS.delete, record_id)


@router.delete("/events")
def delete_events(workflow_id: WorkflowId, work: Working) -> DeleteCount:
    return work.write(events.EVENTS.delete_all, workflow_id)
