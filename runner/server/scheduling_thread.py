"""A thread that submits the allocations of claimed actions, as a scheduler may take minutes to answer."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from runner.base.threads import LoopThread
from torc_client.submission.schedule_nodes import NodeScheduling
from torc_core.api.actions import WorkflowActionModel
from torc_core.errors import (
    SchedulerUnreachableError,
    ServerFaultError,
    ServerUnreachableError,
    TorcError,
)

_PAUSE_S: Final = 60.0
"""Between two tries of an action: a controller or a server that is away does not come back sooner for being asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledNodes:
    """The end of an action: the scheduler's ids, or a problem; not final where it is tried again."""

    action_id: int
    ids: tuple[int, ...] = ()
    problem: str | None = None
    is_final: bool = True


class SchedulingThread:
    """Carries out one action after the other. One that meets no scheduler or no server is tried again.

    An action that is waiting for its next try does not keep the runner: when it leaves, the action is due for others.
    """

    def __init__(self, scheduling: NodeScheduling, *, wake: Callable[[], None], pause_s: float = _PAUSE_S) -> None:
        self._scheduling = scheduling
        self._pause_s = pause_s
        self._wake = wake
        # tasks and `_closing` change under it: a thread that has just looked would sleep on a change it missed
        self._condition = threading.Condition()
        self._tasks: deque[WorkflowActionModel] = deque()
        self._answers: deque[ScheduledNodes] = deque()
        self._is_pausing = False
        self._closing = False
        self.thread = LoopThread("allocations", self._work, wake=wake, may_end=lambda: self._closing)

    def carry_out(self, action: WorkflowActionModel) -> None:
        with self._condition:
            self._tasks.append(action)
            self._condition.notify()

    def take(self) -> list[ScheduledNodes]:
        """Return the ends of actions since the last call."""
        with self._condition:
            answers = list(self._answers)
            self._answers.clear()
        return answers

    @property
    def is_idle(self) -> bool:
        """Return whether no action is being carried out, and all ends are taken."""
        with self._condition:
            return not self._answers and (not self._tasks or self._is_pausing)

    def close(self) -> None:
        """Ask the thread to end; do not wait for a submission under way."""
        with self._condition:
            self._closing = True
            self._condition.notify()

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: bool(self._tasks) or self._closing)
                if self._closing:
                    return
                action = self._tasks[0]
            answer = self._carry_out(action)
            with self._condition:
                # together: between the two steps the thread would look idle, and the loop could leave too early
                self._answers.append(answer)
                if answer.is_final:
                    self._tasks.popleft()
                self._is_pausing = not answer.is_final
            self._wake()
            with self._condition:
                if self._is_pausing:
                    self._condition.wait_for(lambda: self._closing, self._pause_s)
                    self._is_pausing = False

    def _carry_out(self, action: WorkflowActionModel) -> ScheduledNodes:
        action_id = action.id or 0
        try:
            submitted = self._scheduling.carry_out(action, is_repeat=action.state == "claimed")
        except (SchedulerUnreachableError, ServerUnreachableError, ServerFaultError) as error:
            problem = f"allocations are not submitted yet, they are tried again: {error.message}"
            return ScheduledNodes(action_id=action_id, problem=problem, is_final=False)
        except TorcError as error:
            hint = "" if error.hint is None else f" ({error.hint})"
            return ScheduledNodes(action_id=action_id, problem=f"{error.message}{hint}")
        return ScheduledNodes(action_id=action_id, ids=tuple(record.scheduler_id for record in submitted.records))
