"""Asks for more nodes while a workflow is watched, and remembers at the server when that was done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from torc_client.http import TorcClient
from torc_client.recovery.recover import RecoveryTools
from torc_core.api.events import EventModel
from torc_core.errors import SchedulerError, SchedulerUnreachableError
from torc_core.jobs.status import JobStatus
from torc_core.recovery import texts
from torc_core.recovery.auto_schedule import (
    AutoScheduleOptions,
    AutoScheduleState,
    Scene,
    decide,
    note_scheduled,
    observe,
)

CATEGORY: Final = "auto_schedule"
"""The category of the events that hold when nodes were asked for, and since when retry jobs wait."""
_Memory = tuple[float | None, float | None, int | None]


@dataclass(kw_only=True)
class AutoScheduler:
    """Decides at every look of a watch. `clock` counts seconds since the epoch.

    The times outlive the watcher: one that is started again, here or elsewhere, neither floods the cluster before the
    cooldown is over nor lets retry jobs wait for their timeout twice.
    """

    client: TorcClient
    workflow_id: int
    options: AutoScheduleOptions
    tools: RecoveryTools
    clock: Callable[[], float]
    _state: AutoScheduleState | None = None
    _kept: _Memory = field(default=(None, None, None))
    _is_loaded: bool = False

    def look(self, *, has_schedulers: bool) -> None:
        """Submit allocations where that is due."""
        ready = self.client.jobs.list_all(workflow_id=self.workflow_id, status=JobStatus.READY)
        results = self.client.results.page(workflow_id=self.workflow_id, all_runs=True, limit=0)
        scene = Scene(
            ready_jobs=len(ready),
            retry_jobs=sum((job.attempt_id or 1) > 1 for job in ready),
            has_schedulers=has_schedulers,
            attempts_ended=results.total_count,
        )
        now = self.clock()
        if not self._is_loaded:
            self._state = self._load(scene)
            self._is_loaded = True
        self._state = observe(self._state, scene, now)
        decision = decide(self._state, self.options, now)
        if decision.message is not None:
            self.tools.say(decision.message)
        if decision.schedules:
            # Kept before the submission: a watcher that dies in it must not submit again as soon as it is back.
            self._state = note_scheduled(self._state, now)
        self._keep(why=decision.why)
        if decision.schedules:
            self._submit(has_schedulers=has_schedulers)

    def _submit(self, *, has_schedulers: bool) -> None:
        tools = self.tools
        try:
            submitted = tools.allocations.submit(
                self.client,
                self.workflow_id,
                output_dir=tools.output_dir,
                # other jobs wait for the allocations that are there
                only_retried=has_schedulers,
                say=tools.say,
            )
        except SchedulerUnreachableError as error:
            tools.say(f"Auto-schedule: {error.message}; trying again after the cooldown")
            return
        except SchedulerError as error:
            tools.say(f"Auto-schedule: {error.message}")
            return
        for line in texts.submission_lines(submitted):
            tools.say(line)

    def _load(self, scene: Scene) -> AutoScheduleState | None:
        """Return the state that an earlier watcher of the workflow left; None where there was none."""
        events = self.client.events.list_all(
            workflow_id=self.workflow_id, category=CATEGORY, sort_by="id", reverse_sort=True, limit=1
        )
        data: dict[str, Any] = events[0].data if events and isinstance(events[0].data, dict) else {}
        self._kept = (
            _moment(data.get("retries_waiting_since")),
            _moment(data.get("scheduled_at")),
            data.get("attempts_ended"),
        )
        waiting_s, scheduled_s, attempts = self._kept
        if waiting_s is None and scheduled_s is None:
            return None
        return AutoScheduleState(
            scene=scene,
            retries_waiting_since_s=waiting_s,
            last_scheduled_s=scheduled_s,
            attempts_ended_then=attempts,
        )

    def _keep(self, *, why: str | None) -> None:
        """Store the times where they have changed."""
        state = self._state
        if state is None:
            return
        memory = (state.retries_waiting_since_s, state.last_scheduled_s, state.attempts_ended_then)
        if memory == self._kept:
            return
        waiting_s, scheduled_s, attempts = memory
        data = {
            "category": CATEGORY,
            "retries_waiting_since": _text(waiting_s),
            "scheduled_at": _text(scheduled_s),
            "attempts_ended": attempts,
            "why": why,
        }
        self.client.events.create(
            EventModel(workflow_id=self.workflow_id, timestamp=int(self.clock() * 1000), data=data)
        )
        self._kept = memory


def _text(moment_s: float | None) -> str | None:
    return None if moment_s is None else datetime.fromtimestamp(moment_s, UTC).isoformat()


def _moment(text: object) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None
    except ValueError:
        return None
