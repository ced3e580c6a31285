"""Reports what keeps a workflow from going on, so that the server notifies people of it."""

import time
from contextlib import suppress

from torc_client.http import TorcClient
from torc_core.api.events import EventModel
from torc_core.errors import TorcError


def report_trouble(client: TorcClient, workflow_id: int, event_type: str, reason: str) -> None:
    """Store an event of one of the types of `TROUBLE_EVENTS`; without a server the caller goes on all the same."""
    data = {"category": "recovery", "event_type": event_type, "reason": reason}
    with suppress(TorcError):
        client.events.create(EventModel(workflow_id=workflow_id, timestamp=int(time.time() * 1000), data=data))
