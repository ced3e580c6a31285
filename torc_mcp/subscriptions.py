"""Subscriptions: clients that listen to a workflow's resources hear when its failures change."""

import threading
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Final

import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import ListenHandler, ResourceUpdated, SubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, SubscriptionsListenRequestParams, SubscriptionsListenResult

from torc_core.errors import ForbiddenError, TorcError
from torc_mcp.context import App
from torc_mcp.workflow_scope import check_workflow_id

_CHANGES: Final = (
    *("job_pending_failed", "job_failed", "job_terminated", "job_completed", "job_canceled", "job_ready"),
    *("failures_decided", "failures_proposed", "review_applied", "proposal_approved", "proposal_rejected"),
    "decisions_undone",
)
"""Events after which the failures of a workflow, or its summary, read otherwise."""

_PREFIX: Final = "torc://workflows/"
_STREAM_S: Final = 300.0
"""A connection that was cut without notice is opened anew after this time at the latest."""
_CONNECT_S: Final = 10.0
_PAUSE_S: Final = 1.0
"""Between two notifications of one workflow: thousands of jobs may fail at once, and one notification says so."""


class FailuresListener(ListenHandler):
    """Serves `subscriptions/listen`, and follows the events of the workflows that somebody listens to."""

    def __init__(self, bus: SubscriptionBus, app: App) -> None:
        super().__init__(bus)
        self._app, self._own_bus = app, bus
        self._listening: Counter[int] = Counter()
        self._followers: dict[int, _Follower] = {}

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        uris = params.notifications.resource_subscriptions or []
        workflows = {workflow_id for uri in uris if (workflow_id := workflow_of(uri)) is not None}
        for workflow_id in workflows:
            try:
                check_workflow_id(self._app, workflow_id)
            except ForbiddenError as error:
                raise MCPError(INVALID_PARAMS, error.message) from error
        await self._follow(workflows)
        try:
            return await super().__call__(ctx, params)
        finally:
            self._leave(workflows)

    async def _follow(self, workflows: Collection[int]) -> None:
        """Return once the events are read: what happens after the acknowledgement is notified."""
        for workflow_id in workflows:
            self._listening[workflow_id] += 1
            if workflow_id not in self._followers:
                token = anyio.lowlevel.current_token()
                self._followers[workflow_id] = _Follower(self._app, self._own_bus, workflow_id, token)
            ready = self._followers[workflow_id].connected
            await anyio.to_thread.run_sync(ready.wait, _CONNECT_S)

    def _leave(self, workflows: Collection[int]) -> None:
        for workflow_id in workflows:
            self._listening[workflow_id] -= 1
            if not self._listening[workflow_id]:
                self._followers.pop(workflow_id).closing.set()


class _Follower:
    """Reads the events of one workflow in a thread of its own, and publishes that its resources changed."""

    def __init__(self, app: App, bus: SubscriptionBus, workflow_id: int, token: Any) -> None:
        self._app, self._bus, self._workflow_id, self._token = app, bus, workflow_id, token
        self.connected = threading.Event()
        self.closing = threading.Event()
        self._last = 0.0
        self._timer: threading.Timer | None = None
        threading.Thread(target=self._read, name=f"events-{workflow_id}", daemon=True).start()

    def _read(self) -> None:
        while not self.closing.is_set():
            # A server that is away: the thread goes on until nobody listens.
            with suppress(TorcError):
                self._follow()
            self.closing.wait(_PAUSE_S)

    def _follow(self) -> None:
        path = f"/workflows/{self._workflow_id}/events/stream"
        deadline = time.monotonic() + _STREAM_S
        # debug: the level at which jobs that become ready or complete are announced
        for line in self._app.client.transport.stream_lines(path, query={"level": "debug"}, deadline=deadline):
            if self.closing.is_set():
                return
            if not self.connected.is_set():
                self.connected.set()
            elif line == ": connected":
                self._note_change()  # what happened between two connections was missed
            name, _, value = line.partition(": ")
            if name == "event" and value in _CHANGES:
                self._note_change()

    def _note_change(self) -> None:
        """Publish now, or at the end of the pause after the last time."""
        wait_s = self._last + _PAUSE_S - time.monotonic()
        if wait_s <= 0:
            self._publish()
        elif self._timer is None:
            self._timer = threading.Timer(wait_s, self._publish)
            self._timer.daemon = True
            self._timer.start()

    def _publish(self) -> None:
        self._last, self._timer = time.monotonic(), None
        for uri in (f"{_PREFIX}{self._workflow_id}", f"{_PREFIX}{self._workflow_id}/failures"):
            with suppress(RuntimeError):  # the event loop has ended
                anyio.from_thread.run(self._bus.publish, ResourceUpdated(uri=uri), token=self._token)


def workflow_of(uri: str) -> int | None:
    """Return the workflow whose summary or failures are at the address; None for other resources."""
    name, _, rest = uri.removeprefix(_PREFIX).partition("/")
    is_about_one = uri.startswith(_PREFIX) and name.isascii() and name.isdigit()
    return int(name) if is_about_one and rest in ("", "failures") else None
