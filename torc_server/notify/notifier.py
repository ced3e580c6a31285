"""Notifies people of workflows that need them: gathers events, and sends one notification an hour per cause at most."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from torc_core.api.events import StreamEvent
from torc_core.errors import InvalidInputError, TorcError
from torc_core.jobs.status import JobStatus
from torc_core.notifications import (
    NOTIFICATION_KINDS,
    NOTIFICATIONS_KEY,
    TROUBLE_EVENTS,
    NotificationKind,
    NotificationRules,
)
from torc_server.notify.targets import DEFAULT_TARGET
from torc_server.notify.texts import NotificationText, ended_message, trouble_message, waiting_message
from torc_server.services.records.paging import PageRequest
from torc_server.services.records.workflows import get_workflow
from torc_server.services.runs.summary import workflow_status
from torc_server.services.triage.groups import list_groups

_SETTLE_S: Final = 3.0
"""Jobs fail together: what comes within this time after the first event is sent together."""
_RULES: Final = TypeAdapter(NotificationRules)

Read = Callable[..., Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class NotifySettings:
    """Where notifications go. `link_base` is the server's address for browsers, empty where it is not known."""

    targets: Mapping[str, str]
    link_base: str = ""
    every_s: float = 3600.0
    """One cause of one workflow is sent once in this time."""


class Notifier:
    """Takes the events of the server, and sends in a thread of its own; a target that fails delays no request."""

    def __init__(self, settings: NotifySettings, read: Read, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._read, self._clock = settings, read, clock
        self._apprise = load_apprise()
        self._events: queue.SimpleQueue[StreamEvent | None] = queue.SimpleQueue()
        self._sent: dict[tuple[object, ...], float] = {}
        self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Send what has come so far, and end."""
        self._events.put(None)
        self._thread.join(2 * _SETTLE_S)

    def offer(self, events: Iterable[StreamEvent]) -> None:
        """Take events, from any thread; what they give rise to is sent later."""
        for event in events:
            if event.event_type.startswith("job_") or event.event_type in TROUBLE_EVENTS:
                self._events.put(event)

    def _work(self) -> None:
        is_open = True
        while is_open:
            event = self._events.get()
            if event is None:
                return
            found = [event]
            deadline = time.monotonic() + _SETTLE_S
            while is_open and (left_s := deadline - time.monotonic()) > 0:
                with suppress(queue.Empty):
                    more = self._events.get(timeout=left_s)
                    is_open = more is not None
                    found += [more] if more is not None else []
            self._notify(found)

    def _notify(self, events: list[StreamEvent]) -> None:
        for workflow_id in sorted({event.workflow_id for event in events}):
            troubles = {
                TROUBLE_EVENTS[event.event_type]: str(event.data.get("reason", ""))
                for event in events
                if event.workflow_id == workflow_id and event.event_type in TROUBLE_EVENTS
            }
            try:
                self._notify_about(workflow_id, troubles)
            except TorcError as error:  # a workflow that was deleted meanwhile
                log.info("no notification about workflow %s: %s", workflow_id, error.message)
            except Exception:
                log.exception("a notification about workflow %s failed", workflow_id)

    def _notify_about(self, workflow_id: int, troubles: Mapping[NotificationKind, str]) -> None:
        workflow = self._read(get_workflow, workflow_id)
        wanted = self._targets_of(workflow.metadata)
        if not wanted:
            return
        messages = list(self._messages(workflow_id, workflow.name, troubles))
        for target, kinds in wanted.items():
            for kind, message in messages:
                if kind in kinds:
                    self._send(target, message)

    def _targets_of(self, metadata: Mapping[str, Any] | None) -> dict[str, frozenset[NotificationKind]]:
        """Return who is notified of what: the default target, and those that the workflow names."""
        targets = self._settings.targets
        everything = frozenset(NOTIFICATION_KINDS)
        wanted = {DEFAULT_TARGET: everything} if DEFAULT_TARGET in targets else {}
        try:
            rules = _RULES.validate_python((metadata or {}).get(NOTIFICATIONS_KEY) or [])
        except ValidationError:
            return wanted
        for rule in rules:
            if rule.to in targets:
                wanted[rule.to] = frozenset(rule.on)
            else:
                log.warning("a workflow names the target %s, which this server does not have", rule.to)
        return wanted

    def _messages(
        self, workflow_id: int, name: str, troubles: Mapping[NotificationKind, str]
    ) -> Iterator[tuple[NotificationKind, NotificationText]]:
        """Yield what is to be sent now, and remember that it was."""
        status = self._read(workflow_status, workflow_id)
        counts = status.jobs_by_status
        base = self._settings.link_base
        page = f"{base}/workflows/{workflow_id}" if base else ""
        if counts[JobStatus.PENDING_FAILED]:
            found = self._read(list_groups, workflow_id, PageRequest(), status="pending_failed", job_ids_limit=0)
            # a list, not any(): the message names all groups, so each of them has to count as sent
            due = [group for group in found.items if self._is_due(workflow_id, "waiting", group.signature)]
            if due:
                link = f"{page}/failures" if page else ""
                yield (
                    "waiting",
                    waiting_message(workflow_id, name, found.items, jobs=found.total_jobs, link=link),
                )
        if status.is_complete and status.total_jobs and self._is_due(workflow_id, "ended", status.run_id):
            shown = [(str(each), counts[each]) for each in JobStatus]
            yield "ended", ended_message(workflow_id, name, shown, link=page)
        for kind, why in troubles.items():
            if self._is_due(workflow_id, kind, ""):
                yield kind, trouble_message(workflow_id, name, kind, why, link=page)

    def _is_due(self, *cause: object) -> bool:
        now = self._clock()
        if now - self._sent.get(cause, -self._settings.every_s) < self._settings.every_s:
            return False
        self._sent[cause] = now
        return True

    def _send(self, target: str, message: NotificationText) -> None:
        sender = self._apprise.Apprise()
        if not sender.add(self._settings.targets[target]) or not sender.notify(
            body=message.body, title=message.title, body_format="text"
        ):
            log.warning("the notification %r was not delivered to the target %s", message.title, target)


def load_apprise() -> Any:
    """Return the library that delivers. Raises InvalidInputError where it is not installed."""
    try:
        found = import_module("apprise")
    except ImportError as error:
        raise InvalidInputError(
            "notifications need the library apprise", hint="pip install 'torc-recovery[notify]'"
        ) from error
    # its log holds addresses, and these hold passwords
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return found


def check_targets(targets: Mapping[str, str]) -> None:
    """Raise InvalidInputError for a target that cannot be delivered to, without its address."""
    apprise = load_apprise()
    for name, url in targets.items():
        if not apprise.Apprise().add(url):
            raise InvalidInputError(
                f"the address of the target {name} is none that notifications can be sent to",
                hint="addresses are those of apprise, such as mailto://user:word@host or json://host/path",
            )
