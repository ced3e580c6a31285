"""Reads the events of one workflow as they happen, from server-sent frames."""

import time
from collections.abc import Iterator

from torc_client.transport import Transport
from torc_core.api.events import StreamEvent


def stream_events(
    transport: Transport,
    workflow_id: int,
    *,
    level: str = "info",
    duration_s: float | None = None,
    recovers: bool = False,
) -> Iterator[StreamEvent]:
    """Yield events until the server ends the stream or `duration_s` is over. Keep-alive frames are skipped.

    `recovers`: the server counts the reader as a watcher that recovers the workflow, for as long as it is connected.
    """
    deadline = None if duration_s is None else time.monotonic() + duration_s
    path = f"/workflows/{workflow_id}/events/stream"
    for line in transport.stream_lines(path, query={"level": level, "recovers": recovers}, deadline=deadline):
        name, _, value = line.partition(":")
        if name == "data" and '"event_type"' in value:
            yield StreamEvent.model_validate_json(value.strip())
