"""Stored events, and the stream of what happens now."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Body

from torc_core.api.events import EventModel
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, OptionalText, RecordId
from torc_server.routes.records.factory import add_record_routes, services_of
from torc_server.routes.unit_of_work import Working
from torc_server.services.records import events

router = contract_router("events")

add_record_routes(
    router,
    "/events",
    EventModel,
    replace(services_of(events.EVENTS), create=events.create_event, list_page=events.list_events, update=None),
    one="event",
    filters={"category": OptionalText, "after_timestamp": Number},
)


@router.put("/events/{id}")
def update_event(record_id: RecordId, body: Annotated[Any, Body()], work: Working) -> EventModel:
    return work.write(events.update_event, record_id, body)
