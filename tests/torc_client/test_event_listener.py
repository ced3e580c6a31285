"""A watcher is woken by events, also after a connection that brought none that can be read."""

from collections.abc import Iterator
from typing import Any, Self, cast

from helpers import wait_until

from torc_client.http import TorcClient
from torc_client.recovery.event_listener import EventListener


class UnreadableEvents:
    """A client and its transport: each connection brings one frame that is cut off."""

    def __init__(self) -> None:
        self.connections = 0

    @property
    def transport(self) -> Self:
        return self

    def stream_lines(self, _path: str, **_options: Any) -> Iterator[str]:
        self.connections += 1
        yield 'data: {"event_type": "compute_node_stopped", "wor'

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_a_frame_that_cannot_be_read_does_not_end_the_listener() -> None:
    client = UnreadableEvents()
    listener = EventListener(lambda: cast(TorcClient, client), 1, recovers=False)
    try:
        wait_until(lambda: client.connections > 2, "it connects again and again")
        assert listener.wait(10.0)
    finally:
        listener.close()
