"""Claims jobs through two threads: one asks when there is room, the other waits on the server for a change."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from runner.base.attempt import ClaimedJob
from runner.base.deadline import Deadline
from runner.base.evidence import runtime_limit
from runner.process.executor import Executor
from runner.server.claim_policy import ClaimPolicy
from runner.server.claim_thread import ClaimAnswer, ClaimRequest, ClaimThread
from torc_core.api.actions import JOB_TRIGGERS, WorkflowActionModel
from torc_core.api.jobs import Outlook
from torc_core.errors import TorcError

_QUIET_S: Final = 0.5
"""While jobs come and end faster than this, no waiting request is sent: the next claim tells as much."""
_SHORTEST_WAIT_S: Final = 1.0
_RELEASE_AFTER_S: Final = 2.0
"""A queued job that could not start for so long may find a free runner elsewhere."""


@dataclass(slots=True)
class Arrivals:
    """Jobs and actions that the answers brought. `outlook` is set when the runner, holding nothing, was given nothing.

    `run_id` is the workflow's present run, where an answer named it.
    """

    jobs: list[ClaimedJob] = field(default_factory=list)
    actions: list[WorkflowActionModel] = field(default_factory=list)
    outlook: Outlook | None = None
    is_canceled: bool = False
    run_id: int | None = None
    is_any: bool = False
    error: TorcError | None = None


class Claims:
    """Decides when to send which request. `has_job_actions`: actions are claimed along with jobs."""

    def __init__(
        self, *, prompt: ClaimThread, waiter: ClaimThread, policy: ClaimPolicy, wait_s: float, has_job_actions: bool
    ) -> None:
        self._prompt = prompt
        self._waiter = waiter
        self._policy = policy
        self._wait_s = wait_s
        self._triggers = JOB_TRIGGERS if has_job_actions else frozenset[str]()
        self._may_have_more = True
        self._room_helps = True
        self._last_end = 0.0
        self._last_arrival = 0.0
        self._wait_sent_at = 0.0
        self._next_wait_at = 0.0
        self.lost_an_answer = False

    def note_end(self, now: float, *, duration_s: float) -> None:
        """Note that an attempt has ended and made room."""
        self._last_end = now
        self._may_have_more = self._may_have_more or self._room_helps
        self._policy.look_ahead.note_end(now, duration_s=duration_s)

    def note_change(self) -> None:
        """Note that the server has taken reports: jobs may have become ready."""
        self._may_have_more = True

    @property
    def is_busy(self) -> bool:
        return self._prompt.is_busy or self._waiter.is_busy

    def ask(
        self,
        executor: Executor,
        *,
        now: float,
        is_settled: Callable[[], bool],
        time_left_s: float | None,
        actions_done: frozenset[int],
        may_claim: bool,
    ) -> None:
        """Send the request that is worth sending now, if any."""
        request: ClaimRequest | None = None
        if may_claim and self._may_have_more and not self._prompt.is_busy:
            request = self._policy.request_for_room(executor.ledger, executor.queue, now=now, time_left_s=time_left_s)
        if request is not None:
            self._may_have_more = False
            self._policy.must_adopt = False
            self._prompt.send(replace(request, settled=is_settled(), triggers=self._triggers, done=actions_done))
        elif not self._prompt.is_busy and self._may_wait(executor, now):
            self._wait_sent_at = now
            wait = self._policy.waiting_request(
                executor.ledger,
                executor.queue,
                now=now,
                time_left_s=time_left_s,
                wait_s=self._wait_s,
                may_claim=may_claim and not self._triggers,
            )
            self._waiter.send(replace(wait, settled=is_settled()))

    def answers(self, executor: Executor, now: float) -> Arrivals:
        """Take the answers that have come."""
        arrivals = Arrivals()
        for thread in (self._prompt, self._waiter):
            answer = thread.take()
            if answer is not None:
                arrivals.is_any = True
                self._note(answer, executor, arrivals)
                self._last_arrival = now if answer.jobs else self._last_arrival
                if thread is self._waiter:
                    self._may_have_more = self._may_have_more or bool(self._triggers)
                    # a server that sees nothing to wait for answers at once: do not ask it all the time
                    self._next_wait_at = max(now, self._wait_sent_at + min(self._wait_s, _SHORTEST_WAIT_S))
        return arrivals

    def take_stale(self, executor: Executor, now: float) -> list[int]:
        """Remove and return queued jobs that others should have: nothing here makes room for them."""
        queue = executor.queue
        if not queue or now - queue[0].since < _RELEASE_AFTER_S or now - self._last_end < _RELEASE_AFTER_S:
            return []
        stale = [claim.job_id for claim in queue]
        queue.clear()
        return stale

    def take_too_long(self, executor: Executor, deadline: Deadline, now: float) -> list[int]:
        """Remove and return queued jobs that could not finish any more if they began now."""
        if deadline.end_at is None:
            return []
        queue = executor.queue
        too_long = [claim for claim in queue if not deadline.leaves(runtime_limit(claim.need), now)]
        for claim in too_long:
            queue.remove(claim)
        return [claim.job_id for claim in too_long]

    def next_stale(self, executor: Executor) -> float | None:
        """Return when `take_stale` may have something to return; None while the queue is empty."""
        return max(executor.queue[0].since, self._last_end) + _RELEASE_AFTER_S if executor.queue else None

    def close(self) -> None:
        self._prompt.close()
        self._waiter.close()

    def next_wait(self) -> float | None:
        """Return when the next waiting request may be sent; None if that is now."""
        return None if self._waiter.is_busy or self._next_wait_at <= time.monotonic() else self._next_wait_at

    def _may_wait(self, executor: Executor, now: float) -> bool:
        if self._waiter.is_busy or now < self._next_wait_at:
            return False
        return not executor.running or now - max(self._last_end, self._last_arrival) > _QUIET_S

    def _note(self, answer: ClaimAnswer, executor: Executor, arrivals: Arrivals) -> None:
        if answer.lost:
            self.lost_an_answer = True
            self._policy.must_adopt = True
            self._may_have_more = True
            return
        if answer.error is not None:
            self.lost_an_answer = True
            arrivals.error = answer.error
            return
        known = executor.held_ids() | {claim.job_id for claim in arrivals.jobs}
        adopted = [claim for claim in answer.adopted if not executor.has_started(claim)]
        for claim in (*answer.jobs, *adopted):
            if claim.job_id not in known:
                arrivals.jobs.append(claim)
                known.add(claim.job_id)
        arrivals.actions.extend(answer.actions)
        if answer.jobs or answer.adopted or answer.actions:
            self._may_have_more = self._room_helps = True
        elif answer.outlook is not None:
            self._room_helps = answer.outlook.ready_that_fit > 0
            arrivals.run_id = answer.outlook.run_id
            arrivals.is_canceled = arrivals.is_canceled or answer.outlook.is_canceled
            if answer.request.settled:
                arrivals.outlook = answer.outlook
