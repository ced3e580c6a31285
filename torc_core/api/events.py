"""Events: those that are stored, and the frames of the event stream."""

from typing import Any

from torc_core.api.base import ApiModel
from torc_core.jobs.status import Severity


class EventModel(ApiModel):
    """A stored event; `timestamp` in milliseconds since the epoch."""

    id: int | None = None
    workflow_id: int
    timestamp: int
    data: Any


class StreamEvent(ApiModel):
    """One frame of `/workflows/{id}/events/stream`; `timestamp` in milliseconds since the epoch."""

    workflow_id: int
    timestamp: int
    event_type: str
    severity: Severity
    data: dict[str, Any]
