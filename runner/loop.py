"""The loop of a runner: one step for each event, until nothing is left to do."""

import selectors
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from runner.action_supervisor import ActionSupervisor
from runner.base.attempt import StopReason
from runner.base.deadline import Deadline
from runner.base.log import RunnerLog
from runner.base.paths import RunFiles
from runner.base.progress import Notice, ProgressCallback
from runner.base.settings import Machine
from runner.base.threads import LoopThread
from runner.base.wake import Wake
from runner.base.workflow_facts import WorkflowFacts
from runner.monitoring.monitor import Monitor
from runner.process.actions import START_TRIGGERS
from runner.server.action_thread import ActionThread
from runner.server.claims import Claims
from runner.server.connection import Connection
from runner.server.heartbeat import HeartbeatThread
from runner.server.journal import Journal
from runner.server.outage import OutageNotice
from runner.server.reports import Reporter
from runner.server.scheduling_thread import SchedulingThread
from runner.summary import ExitReason, explain, reason_to_leave
from runner.supervisor import Supervisor
from runner.watchdog import LoopWatch, StallWatch, write_stacks
from torc_client.http import TorcClient
from torc_core.api.actions import END_TRIGGERS
from torc_core.api.jobs import Outlook
from torc_core.errors import RunnerError, StateConflictError, TorcError
from torc_core.hints import Line
from torc_core.signals import signal_number

_DELIVERY_S: Final = 10.0
"""How long an interrupted runner tries to deliver its last results to a server that is away."""
_CONNECTION_CHECK_S: Final = 1.0
_AGAIN: Final = "start the server, then run the workflow again with the same output directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The collaborators of one run."""

    client: TorcClient
    compute_node_id: int
    facts: WorkflowFacts
    machine: Machine
    files: RunFiles
    supervisor: Supervisor
    claims: Claims
    actions: ActionThread
    scheduling: SchedulingThread | None
    reporter: Reporter
    journal: Journal
    monitor: Monitor
    heartbeat: HeartbeatThread
    threads: tuple[LoopThread, ...]
    connection: Connection
    wake: Wake
    watch: LoopWatch
    deadline: Deadline
    log: RunnerLog
    progress: ProgressCallback
    is_persistent: bool = False
    is_strict: bool = False

    def close(self) -> None:
        """Ask the threads to end; do not wait for requests under way."""
        self.claims.close()
        self.actions.close()
        if self.scheduling is not None:
            self.scheduling.close()
        self.reporter.close()
        self.monitor.close()
        self.heartbeat.close()
        self.watch.close()


class RunLoop:
    """Works in steps until the runner holds nothing, everything is reported, and nothing more will come.

    Everything here happens in one thread, woken by events and deadlines; only `Parts.threads` talk to the server.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._supervisor = parts.supervisor
        self._actions = ActionSupervisor(
            parts.actions,
            parts.supervisor,
            scheduling=parts.scheduling,
            actions=parts.facts.actions,
            files=parts.files,
            log=parts.log,
            warn=self._warn,
        )
        self._signals_seen = 0
        self._is_draining = False
        self._releases: list[int] = []
        self._refused: list[str] = []
        self._outage = OutageNotice(parts.connection, url=parts.client.url)
        self._stalls = (
            StallWatch(
                lambda: 0.0 if parts.connection.silent_s else parts.reporter.stalled_s,
                "no report has reached the server for {seconds} although some are due",
            ),
            StallWatch(
                lambda: parts.supervisor.executor.start_stalled_s,
                "the launcher process has started nothing for {seconds} although jobs are to be started",
            ),
        )
        self._journal_problem: str | None = None
        self._idle_since: float | None = None
        self._emptied_at: float | None = None
        self._error: TorcError | None = None
        self.reason: ExitReason | None = None
        self.explanation: Line = ""
        self.ready_left = 0

    def work(self) -> None:
        """Work until the runner may leave. Raises the error that forced it to."""
        if not self._parts.facts.workflow.is_canceled:
            self._actions.claim(START_TRIGGERS)
        self._work_until(self._is_over)
        self._raise_error()
        if self._signals_seen < 2:
            self._emptied_at = None
            has_ended = self.reason in (ExitReason.COMPLETE, ExitReason.CANCELED)
            self._actions.claim(frozenset({"on_worker_complete"}) | (END_TRIGGERS if has_ended else frozenset()))
            self._work_until(self._is_over_with_actions)
            self._raise_error()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._with_undelivered(self._error) if isinstance(self._error, RunnerError) else self._error

    # -- steps ---------------------------------------------------------------------------------------

    def _work_until(self, is_over: Callable[[], bool]) -> None:
        launcher = self._supervisor.launcher
        with selectors.DefaultSelector() as selector:
            selector.register(self._parts.wake, selectors.EVENT_READ)
            selector.register(launcher, selectors.EVENT_READ)
            while True:
                self._parts.watch.begin_step()
                self._step()
                if is_over():
                    return
                if self._supervisor.launcher is not launcher:
                    selector.unregister(launcher)
                    launcher = self._supervisor.launcher
                    selector.register(launcher, selectors.EVENT_READ)
                timeout_s = self._timeout_s()
                self._parts.watch.end_step()
                ready = selector.select(timeout_s)
                self._parts.watch.begin_step()
                for key, _ in ready:
                    if key.fileobj is launcher:
                        self._supervisor.read_launcher()
                    else:
                        self._parts.wake.clear()

    def _step(self) -> None:
        now = time.monotonic()
        self._handle_signals()
        self._take_report_answers()
        self._actions.take_answers()
        self._take_claim_answers(now)
        self._supervise_jobs(now)
        self._actions.run_next()
        # jobs wait for the actions of the start, also while these cannot be claimed: they may set up what jobs need
        if self.reason is None and self._actions.is_done:
            self._supervisor.start_what_fits()
        self._supervisor.flush()
        self._report(now)
        if self.reason is None and self._actions.is_done:
            self._ask(now)
        self._parts.log.flush()

    def _timeout_s(self) -> float | None:
        """Return the seconds until the next thing that no event announces; None when there is none."""
        parts, supervisor = self._parts, self._supervisor
        times = [
            supervisor.scripts.next_deadline(),
            supervisor.next_paused(),
            self._idle_deadline(),
            *(stall.next_look() for stall in self._stalls),
        ]
        if supervisor.executor.running:
            times.append(parts.monitor.next_look())
        if self.reason is None:
            times += [parts.deadline.stop_at, parts.claims.next_stale(supervisor.executor), parts.claims.next_wait()]
        if parts.connection.silent_s:
            times.append(time.monotonic() + _CONNECTION_CHECK_S)
        soonest = min((moment for moment in times if moment is not None), default=None)
        return None if soonest is None else max(0.0, soonest - time.monotonic()) + 0.001

    # -- events ---------------------------------------------------------------------------------

    def _handle_signals(self) -> None:
        signals = self._parts.wake.signals
        while self._signals_seen < len(signals):
            signum = signals[self._signals_seen]
            self._signals_seen += 1
            name = signal.Signals(signum).name
            if self._signals_seen == 1:
                self._warn(f"{name}: stopping; once more to kill running jobs at once")
                self._leave(ExitReason.INTERRUPTED, lead_s=self._parts.deadline.signaled_lead_s)
            else:
                self._warn(f"{name} again: killing running jobs")
                self._actions.drop()
                self._supervisor.stop_everything(signum=signal.SIGKILL, lead_s=0.0)

        if self._parts.wake.must_drain and not self._is_draining:
            self._drain()

    def _drain(self) -> None:
        """Take no more jobs. Running ones may go on until the known end is near, and are stopped now without one."""
        self._is_draining = True
        if self.reason is not None:
            return
        if self._parts.deadline.stop_at is None:
            self._warn("SIGUSR2: stopping, as it is not known when this runner must end")
            self._leave(ExitReason.TIME_UP)
            return
        self._warn("SIGUSR2: no more jobs are started; the runner leaves when those that run have ended")
        self._releases.extend(claim.job_id for claim in self._supervisor.executor.take_claims())

    def _take_report_answers(self) -> None:
        for answers in self._parts.reporter.take():
            if answers.recorded:
                self._parts.claims.note_change()
            for attempt, message in answers.refused_starts:
                self._supervisor.forget(attempt, message)
            for end, message in answers.refused_ends:
                self._refused.append(f"the server did not record the end of {end.attempt.label}: {message}")
            if answers.error is not None:
                self._abandon(answers.error)
        if self._parts.heartbeat.end is not None:
            self._lose_jobs(self._parts.heartbeat.end)
        for thread in self._parts.threads:
            if thread.error is not None:
                self._abandon(RunnerError(f"the runner's thread {thread.name!r} failed: {thread.error!r}"))
        outage = self._outage.take()
        if outage is not None:
            self._say(outage)
        self._report_stall()
        self._warn_of_journal()
        if self._parts.connection.is_lost and self._error is None:
            minutes = self._parts.connection.patience_s / 60
            self._abandon(
                RunnerError(
                    f"no answer from the server for {minutes:g} minutes",
                    hint=_AGAIN,
                )
            )

    def _warn_of_journal(self) -> None:
        journal = self._parts.journal
        if journal.problem is None or self._journal_problem == journal.problem:
            return
        self._journal_problem = journal.problem
        self._warn(
            f"results cannot be written to {journal.path}: {journal.problem}; those that the server does not have are "
            "lost if this runner is killed"
        )

    def _report_stall(self) -> None:
        for stall in self._stalls:
            text = stall.look()
            if text is not None:
                with suppress(OSError):
                    write_stacks(self._parts.log.path)
                self._warn(f"{text}; what the runner's threads do is in {self._parts.log.path}")

    def _take_claim_answers(self, now: float) -> None:
        arrivals = self._parts.claims.answers(self._supervisor.executor, now)
        if isinstance(arrivals.error, StateConflictError):
            self._lose_jobs(arrivals.error)
        elif arrivals.error is not None:
            self._abandon(arrivals.error)
        self._actions.add(arrivals.actions)
        if self.reason is not None or self._is_draining:
            self._releases.extend(claim.job_id for claim in arrivals.jobs)
        else:
            self._supervisor.executor.enqueue(arrivals.jobs)
        if self.reason is not None:
            self._warn_of_refusals()
            return
        if arrivals.is_canceled:
            running = len(self._supervisor.executor.running)
            if running:
                self._say(Notice("info", f"canceled: {running} running job{'s are' if running > 1 else ' is'} stopped"))
            self._leave(ExitReason.CANCELED)
        elif arrivals.run_id not in {None, self._parts.facts.run_id}:
            self._leave_to_another_run(arrivals.run_id)
        elif arrivals.outlook is not None and self._is_settled():
            self._assess_outlook(arrivals.outlook, now)
        elif arrivals.jobs or arrivals.actions:
            self._idle_since = None
        if arrivals.is_any:
            self._warn_of_refusals()

    def _warn_of_refusals(self) -> None:
        """Warn of ends that the server refused, unless the workflow was canceled: then nobody expects these ends.

        Called once an answer has shown whether it was.
        """
        refused, self._refused = self._refused, []
        if self.reason is not ExitReason.CANCELED:
            for text in refused:
                self._warn(text)

    def _assess_outlook(self, outlook: Outlook, now: float) -> None:
        """Decide whether a runner that holds nothing and was given nothing stays."""
        if self._idle_since is None:
            self._idle_since = now
        reason = reason_to_leave(outlook, is_persistent=self._parts.is_persistent)
        deadline = self._idle_deadline()
        if reason is None and deadline is not None and now >= deadline:
            reason = ExitReason.WAITED
        if reason is not None:
            self._leave(reason, outlook)

    def _idle_deadline(self) -> float | None:
        wait_s = self._parts.facts.workflow.compute_node_wait_for_new_jobs_seconds
        if wait_s is None or self._idle_since is None or self.reason is not None or self._parts.is_persistent:
            return None
        return self._idle_since + wait_s

    def _supervise_jobs(self, now: float) -> None:
        parts, supervisor = self._parts, self._supervisor
        running = supervisor.executor.running
        supervisor.stop(parts.monitor.note_samples(running), StopReason.MEMORY, signum=signal.SIGKILL, lead_s=0.0)
        if running:
            too_long = parts.monitor.look(running, now)
            supervisor.stop(too_long, StopReason.RUNTIME, signum=self._termination_signal, lead_s=parts.deadline.lead_s)
        for problem in parts.monitor.take_problems():
            self._warn(problem)
        supervisor.scripts.enforce_limits(supervisor.launcher, now)
        supervisor.finish_paused(now)
        if self.reason is not None:
            return
        self._releases.extend(parts.claims.take_too_long(supervisor.executor, parts.deadline, now))
        self._releases.extend(parts.claims.take_stale(supervisor.executor, now))
        idle_deadline = self._idle_deadline()
        if parts.deadline.stop_at is not None and now >= parts.deadline.stop_at:
            self._leave(ExitReason.TIME_UP)
        elif idle_deadline is not None and now >= idle_deadline and self._is_settled():
            self._leave(ExitReason.WAITED)

    # -- reports, claims, leaving -------------------------------------------------------------------------

    def _report(self, now: float) -> None:
        for end in self._supervisor.newly_ended:
            self._parts.claims.note_end(now, duration_s=end.duration_s)
        releases, self._releases = self._releases, []
        starving = not self._supervisor.executor.queue
        self._supervisor.report_to(self._parts.reporter, releases=releases, urgent=starving)

    def _ask(self, now: float) -> None:
        deadline = self._parts.deadline
        may_claim = deadline.allows_claims(now) and not self._is_draining
        if not may_claim and self._is_settled():
            self._leave(ExitReason.TIME_UP)
            return
        # nothing is started beside a suspect: claims would only be released again
        may_claim = may_claim and not self._supervisor.executor.is_suspect_alone
        self._parts.claims.ask(
            self._supervisor.executor,
            now=now,
            is_settled=self._is_settled,
            time_left_s=deadline.left_s(now),
            actions_done=self._actions.claimed,
            may_claim=may_claim,
        )

    def _is_settled(self) -> bool:
        """Return whether the runner holds nothing and the server knows the end of all it held."""
        parts = self._parts
        return (
            self._supervisor.is_empty
            and self._actions.is_done
            and self._actions.is_delivered
            and parts.reporter.is_idle
        )

    def _is_over(self) -> bool:
        if self.reason is None or not self._supervisor.is_empty:
            return False
        if self._error is not None or (self._parts.reporter.is_idle and self._actions.is_delivered):
            return True
        return self._gives_up_delivery()

    def _is_over_with_actions(self) -> bool:
        """Return the same as `_is_over` once the jobs have ended and only the last actions are left."""
        if self._error is not None:
            return self._supervisor.is_empty
        if not self._actions.is_done:
            return self._gives_up_delivery() and self._supervisor.is_empty
        return self._actions.is_delivered or self._gives_up_delivery()

    def _gives_up_delivery(self) -> bool:
        """Return whether the user has interrupted a runner whose server is away; set the error then."""
        if self._emptied_at is None:
            self._emptied_at = time.monotonic()
        patience_s = _DELIVERY_S if self._signals_seen < 2 else 0.0
        is_silent = self._parts.connection.silent_s and time.monotonic() - self._emptied_at > patience_s
        if is_silent and self._signals_seen:
            self._error = RunnerError("interrupted while the server did not answer", hint=_AGAIN)
            return True
        return False

    def _leave_to_another_run(self, run_id: int | None) -> None:
        """Kill the jobs: the server takes no report of this run any more, and they may run elsewhere any moment."""
        running = len(self._supervisor.executor.running)
        if running:
            self._warn(f"run {run_id} has begun: {running} running job{'s are' if running > 1 else ' is'} stopped")
        self._leave(ExitReason.ANOTHER_RUN, Outlook(run_id=run_id))
        self._supervisor.forget_everything()

    def _leave(self, reason: ExitReason, outlook: Outlook | None = None, *, lead_s: float | None = None) -> None:
        """Claim no more jobs, release queued ones, stop running ones. `lead_s` None: the lead of the workflow."""
        if self.reason is None:
            self.reason = reason
            self.ready_left = outlook.ready if outlook else 0
            self.explanation = explain(
                reason,
                outlook,
                workflow_id=self._parts.facts.workflow_id,
                run_id=self._parts.facts.run_id,
                machine=self._parts.machine,
                left_s=self._parts.deadline.left_s(time.monotonic()),
                is_strict=self._parts.is_strict,
            )
            self._parts.log.write(f"leaving: {self.explanation}")
        self._actions.drop()
        self._releases.extend(claim.job_id for claim in self._supervisor.executor.take_claims())
        lead_s = self._parts.deadline.lead_s if lead_s is None else lead_s
        self._supervisor.stop_everything(signum=self._termination_signal, lead_s=lead_s)

    def _abandon(self, error: TorcError) -> None:
        """Stop the jobs because the run cannot go on; the error is raised when they have ended."""
        if self._error is None:
            self._leave(ExitReason.INTERRUPTED)
            self._error = error

    def _lose_jobs(self, error: TorcError) -> None:
        """Kill the jobs: the server counts this runner as gone, so they may run elsewhere any moment."""
        if self._error is None:
            self._warn(f"{error.message}; its jobs are killed here, as others may run them now")
            self._abandon(error)
            self._supervisor.forget_everything()

    def _with_undelivered(self, error: RunnerError) -> RunnerError:
        jobs = [end.attempt.label for end in self._parts.reporter.undelivered()]
        if not jobs:
            return error
        shown = ", ".join(jobs[:10]) + (f" and {len(jobs) - 10} more" if len(jobs) > 10 else "")
        return RunnerError(f"{error.message}; results that it does not have: {shown}", hint=error.hint)

    @property
    def _termination_signal(self) -> int:
        config = self._parts.facts.workflow.execution_config
        wanted = config.termination_signal if config else None
        return (wanted and signal_number(wanted)) or signal.SIGTERM

    def _warn(self, text: str) -> None:
        self._say(Notice("warning", text))

    def _say(self, notice: Notice) -> None:
        self._parts.log.write(notice.text)
        self._parts.progress(notice)
