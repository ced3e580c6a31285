"""Follows a workflow to its end, and recovers it as often as allowed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from torc_client.http import TorcClient
from torc_client.recovery.auto_scheduler import AutoScheduler
from torc_client.recovery.bounded_recovery import BoundedRecovery
from torc_client.recovery.foresight import Foresight
from torc_client.recovery.recover import RecoveryTools, clean_up
from torc_client.recovery.state import (
    active_jobs,
    counts_of,
    failed_jobs,
    has_allocations,
    is_at_rest,
    is_success,
    lacks_allocations,
    waiting_jobs,
)
from torc_client.recovery.trouble import report_trouble
from torc_core.api.workflows import WorkflowStatusModel
from torc_core.errors import SchedulerError
from torc_core.hints import Hint, torc
from torc_core.jobs.status import JobStatus
from torc_core.notifications import NOT_STARTED_EVENT
from torc_core.recovery import texts
from torc_core.recovery.auto_schedule import AutoScheduleOptions
from torc_core.recovery.defaults import MAX_RETRIES, POLL_S
from torc_core.recovery.plan import RecoverOptions

_HOW_TO_SCHEDULE: Final = "Use --auto-schedule to regenerate."
_RUNNER_COMES_S: Final = 5.0
"""So long after a recovery a runner that waits for it may take to come back."""
_QUEUE_S: Final = 60.0
"""The queue is looked at so often even where events never cease, and never more often than every five seconds."""
_QUEUE_LEAST_S: Final = 5.0
_RUNNERS_LEAVE_S: Final = 60.0
"""So long runners of allocations may take to leave once no job is left for them."""


class Alarm(Protocol):
    def wait(self, timeout_s: float) -> bool:
        """Return True after an event, False after `timeout_s`."""
        ...


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """`recover` None: only watch. `auto_schedule` None: never ask for more nodes."""

    poll_interval_s: float = POLL_S
    recover: RecoverOptions | None = None
    max_retries: int = MAX_RETRIES
    show_counts: bool = False
    auto_schedule: AutoScheduleOptions | None = None
    is_persistent: bool = False
    """Watch on while jobs are left, also when none can go on by itself."""


@dataclass(frozen=True, kw_only=True)
class WatchResult:
    """How the workflow stands at the end; `recoveries` counts attempts, those that found nothing too."""

    status: WorkflowStatusModel
    recoveries: int

    @property
    def is_success(self) -> bool:
        return is_success(self.status) and not self.status.is_canceled


def watch(
    client: TorcClient,
    workflow_id: int,
    options: WatchOptions,
    tools: RecoveryTools,
    *,
    alarm: Alarm,
    clock: Callable[[], float] = time.time,
) -> WatchResult:
    """Return when every job succeeded, or when no job can go on and no recovery is left or possible.

    `clock` counts seconds since the epoch: what it measures is compared with what earlier watchers left.
    """
    return _Watch(client, workflow_id, options, tools, alarm, clock).run()


class _Watch:
    def __init__(
        self,
        client: TorcClient,
        workflow_id: int,
        options: WatchOptions,
        tools: RecoveryTools,
        alarm: Alarm,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._workflow_id = workflow_id
        self._options = options
        self._tools = tools
        self._say = tools.say
        self._alarm = alarm
        self._clock = clock
        self._recovery = (
            None
            if options.recover is None
            else BoundedRecovery(client=client, options=options.recover, tools=tools, max_retries=options.max_retries)
        )
        self._foresight = (
            None
            if options.recover is None or not options.recover.foresight
            else Foresight(
                client=client,
                options=options.recover,
                allocations=tools.allocations,
                user=tools.user,
                say=tools.say,
            )
        )
        self._scheduler = (
            None
            if options.auto_schedule is None
            else AutoScheduler(
                client=client, workflow_id=workflow_id, options=options.auto_schedule, tools=tools, clock=clock
            )
        )
        self._looked_at: float | None = None
        self._at_rest_since: float | None = None
        self._problem: str | None = None
        self._stuck: set[int] = set()
        self._is_given_up = False
        self._idle_since: float | None = None
        self._reported_idle = False

    def run(self) -> WatchResult:
        self._client.workflow_status(self._workflow_id)
        if self._options.auto_schedule and not self._tools.allocations.serves(self._client, self._workflow_id):
            self._say(
                f"Auto-schedule: workflow {self._workflow_id} gets no nodes from a scheduler; start runners by hand"
            )
        while True:
            self._say_header()
            status = self._await_rest()
            self._say_end(status)
            is_over = status.is_canceled or is_success(status)
            if not is_over and not self._is_given_up and self._may_go_on(status):
                self._resume()
                continue
            if is_over or status.is_complete or not self._options.is_persistent:
                return WatchResult(status=status, recoveries=self._recovery.recoveries if self._recovery else 0)
            self._await_change(status)
            self._resume()

    def _resume(self) -> None:
        self._say("")
        self._say(texts.RESUMING)
        self._say("")

    def _await_change(self, status: WorkflowStatusModel) -> None:
        """Wait until somebody has done what lets jobs go on, or ended the workflow."""
        self._say("No job can go on by itself: watching on until somebody decides, recovers or cancels (--persistent)")
        self._is_given_up = False
        before = (status.run_id, counts_of(status))
        while True:
            self._alarm.wait(self._options.poll_interval_s)
            now = self._client.workflow_status(self._workflow_id)
            if now.is_canceled or now.is_complete or (now.run_id, counts_of(now)) != before:
                return

    # -- watching -------------------------------------------------------------------------------

    def _await_rest(self) -> WorkflowStatusModel:
        """Return the status in which no job can go on by itself, or no nodes will come for its jobs."""
        has_event, shown = False, ""
        while True:
            status = self._client.workflow_status(self._workflow_id)
            counts = texts.counts_line(counts_of(status))
            if self._options.show_counts and not (has_event and counts == shown):
                self._say(counts)
                shown = counts
            if not has_event and self._fires_actions():
                status = self._client.workflow_status(self._workflow_id)
            is_served = self._tools.allocations.serves(self._client, self._workflow_id)
            if is_at_rest(status) and not (is_served and self._awaits_runners(status)):
                return status
            if self._looks_for_orphans(status, has_event=has_event) and self._clean_up():
                status = self._client.workflow_status(self._workflow_id)
            if self._foresight is not None and not is_at_rest(status):
                self._foresight.look(status)
            if is_served and not is_at_rest(status):
                if self._scheduler is not None:
                    self._scheduler.look(has_schedulers=has_allocations(status))
                # what an action asks for is no recovery; after an event, actions were not looked at above
                elif lacks_allocations(status) and not (self._submits_what_it_owes() or self._fires_actions()):
                    lacking = f"{waiting_jobs(status)} ready jobs with no schedulers."
                    if self._recovery is None:
                        self._say(f"{lacking} {_HOW_TO_SCHEDULE}")
                        return status
                    self._say(lacking)
                    if not self._recovery.resubmit(self._workflow_id):
                        self._is_given_up = True
                        return status
            has_event = self._alarm.wait(self._next_look_s(status))

    def _awaits_runners(self, status: WorkflowStatusModel) -> bool:
        """Return whether runners are still about to leave: before that, their allocations count as places for jobs."""
        if status.is_canceled or is_success(status) or not status.active_compute_nodes:
            self._at_rest_since = None
            return False
        now = self._clock()
        self._at_rest_since = now if self._at_rest_since is None else self._at_rest_since
        return now - self._at_rest_since < _RUNNERS_LEAVE_S

    def _looks_for_orphans(self, status: WorkflowStatusModel, *, has_event: bool) -> bool:
        """Return whether it is time to look for orphans; only after a poll without events: a runner's end is one."""
        if not (active_jobs(status) or has_allocations(status)):
            return False
        if self._looked_at is None:
            return not has_event
        pause_s = _QUEUE_S if has_event else _QUEUE_LEAST_S if has_allocations(status) else 0.0
        return self._clock() - self._looked_at >= pause_s

    def _clean_up(self) -> bool:
        """Reclaim orphans; with recovery, they are requeued at once. Return whether there were any.

        A scheduler that does not answer is reported once, and asked again at the next look.
        """
        self._looked_at = self._clock()
        requeue = self._options.recover is not None
        try:
            look = self._tools.allocations.look(self._client, self._workflow_id)
            orphans = clean_up(self._client, self._workflow_id, self._tools, requeue=requeue, ended=look.ends)
        except SchedulerError as error:
            if error.message != self._problem:
                self._say(f"The scheduler cannot be asked: {error.message}. Trying again.")
            self._problem = error.message
            return False
        self._problem = None
        for status in look.stuck:
            if status.scheduler_id not in self._stuck:
                self._stuck.add(status.scheduler_id)
                why = f"allocation {status.scheduler_id}: {status.reason} ({status.why_never})"
                report_trouble(self._client, self._workflow_id, NOT_STARTED_EVENT, why)
                self._say(
                    f"Allocation {status.scheduler_id} will not start: {status.reason} ({status.why_never}). "
                    f"`scancel {status.scheduler_id}` removes it"
                )
        return not orphans.is_empty

    def _fires_actions(self) -> bool:
        """Carry out the due actions that ask for allocations; return whether there were any."""
        fire = self._tools.fire_actions
        lines = () if fire is None else fire(self._client, self._workflow_id, self._tools.output_dir)
        has_fired = False
        for line in lines:
            has_fired = True
            self._say(line)
        return has_fired

    def _submits_what_it_owes(self) -> bool:
        """Submit the allocations of a recovery that Slurm did not answer; return whether there are such."""
        return self._recovery is not None and self._recovery.submits_what_it_owes(self._workflow_id)

    def _next_look_s(self, status: WorkflowStatusModel) -> float:
        """Return the seconds until the next poll; fewer while no runner is there, to report that once in time."""
        poll_s = self._options.poll_interval_s
        is_idle = status.active_compute_nodes == 0 and active_jobs(status) == 0
        if not is_idle or self._tools.allocations.serves(self._client, self._workflow_id):
            self._idle_since, self._reported_idle = None, False
            return poll_s
        if self._reported_idle:
            return poll_s
        now = self._clock()
        self._idle_since = now if self._idle_since is None else self._idle_since
        left_s = self._idle_since + _RUNNER_COMES_S - now
        if left_s > 0:
            return min(poll_s, left_s)
        self._reported_idle = True
        run = torc("run", self._workflow_id)
        self._say(Hint("{} job(s) wait for a runner. Start one with: {}", waiting_jobs(status), run))
        return poll_s

    # -- after that ------------------------------------------------------------------------------

    def _may_go_on(self, status: WorkflowStatusModel) -> bool:
        """Recover if that is wanted, allowed and possible; return whether to watch on."""
        if self._recovery is None:
            if failed_jobs(status):
                self._say(Hint("Recover with: {}, or watch with --recover", torc("recover", self._workflow_id)))
            return False
        self._idle_since, self._reported_idle = None, False
        return self._recovery.attempt(self._workflow_id)

    # -- words ----------------------------------------------------------------------------------

    def _say_header(self) -> None:
        options = self._options
        self._say(
            texts.watching_line(
                self._workflow_id,
                poll_interval_s=options.poll_interval_s,
                max_retries=options.max_retries if options.recover is not None else None,
                shows_counts=options.show_counts,
            )
        )

    def _say_end(self, status: WorkflowStatusModel) -> None:
        if status.is_canceled:
            self._say(f"Workflow {self._workflow_id} was canceled")
        elif waiting_jobs(status) + status.jobs_by_status[JobStatus.BLOCKED] == 0:
            self._say(texts.complete_line(self._workflow_id))
        else:
            self._say(f"Workflow {self._workflow_id} cannot go on by itself")
        self._say("")
        for line in texts.outcome_lines(counts_of(status), asks_agent=self._tools.ask_agent is not None):
            self._say(line)
