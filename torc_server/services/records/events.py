"""Stored events: what users did and what is worth keeping."""

from collections.abc import Iterable
from typing import Any, Final

from torc_core.api.base import Page
from torc_core.api.events import EventModel
from torc_core.evidence.redaction import redact_secrets
from torc_core.notifications import TROUBLE_EVENTS
from torc_server.db.queries.records.base import RecordStore, json_field_equals
from torc_server.db.tables.workflows import StoredEvent
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import Records
from torc_server.services.records.paging import PageRequest

_REASON_CHARS: Final = 500
EVENTS: Final = Records(RecordStore(StoredEvent), EventModel, noun="event")


def create_event(uow: UnitOfWork, event: EventModel) -> EventModel:
    """Store an event of a client; what people are notified of is announced, too."""
    created = EVENTS.create(uow, event)
    kind = event.data.get("event_type") if isinstance(event.data, dict) else None
    if isinstance(kind, str) and kind in TROUBLE_EVENTS:
        reason = redact_secrets(str(event.data.get("reason", "")))[:_REASON_CHARS]
        uow.announce(event.workflow_id, kind, severity="warning", data={"reason": reason})
    return created


def store_event(uow: UnitOfWork, workflow_id: int, data: dict[str, Any]) -> None:
    """Store an event about what the server did for a user."""
    EVENTS.store.insert(uow, {"workflow_id": workflow_id, "timestamp": uow.now_ms, "data": data})


def store_events(uow: UnitOfWork, events: Iterable[tuple[int, dict[str, Any]]]) -> None:
    """Store many events, each given as (workflow id, data)."""
    rows = [{"workflow_id": workflow_id, "timestamp": uow.now_ms, "data": data} for workflow_id, data in events]
    EVENTS.store.insert_all(uow, rows)


def update_event(uow: UnitOfWork, record_id: int, body: Any) -> EventModel:
    """Replace the event's data; `body` is a whole event or, as old clients send it, the data alone."""
    is_event = isinstance(body, dict) and "data" in body and "workflow_id" in body
    data = body["data"] if is_event else body
    before = EVENTS.get(uow, record_id)
    EVENTS.store.update(uow, record_id, {"data": data})
    return before.model_copy(update={"data": data})


def list_events(
    uow: UnitOfWork, workflow_id: int, page: PageRequest, *, category: str | None, after_timestamp: int | None
) -> Page[EventModel]:
    """List events whose data names the category, and those later than a time in ms since the epoch."""
    columns = EVENTS.store.table.c
    conditions = EVENTS.store.where(workflow_id)
    if category is not None:
        conditions.append(json_field_equals(columns.data, "category", category))
    if after_timestamp is not None:
        conditions.append(columns.timestamp > after_timestamp)
    return EVENTS.list_where(uow, workflow_id, page, conditions)
