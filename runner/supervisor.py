"""The supervisor takes a job through this runner: start, reap, outcome, recovery script, end to report."""

import signal
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from typing import Final, Literal, assert_never

from runner.base.attempt import Attempt, AttemptEnd, StopReason
from runner.base.ledger import Ledger
from runner.base.log import RunnerLog
from runner.base.paths import RunFiles
from runner.base.progress import JobEnded, JobStarted, Notice, ProgressCallback
from runner.process.executor import Executor, job_environment
from runner.process.launcher import Delayed, Ended, Launcher, Started, Unstartable
from runner.process.outcome import OutcomeRules
from runner.process.scripts import ScriptEnd, Scripts
from runner.process.steps import Steps
from runner.server.reports import Reporter
from runner.summary import Tally
from torc_core.api.failure_handlers import FailureRule
from torc_core.errors import RunnerError
from torc_core.jobs.lifecycle import may_go_back
from torc_core.jobs.status import JobStatus

_LAUNCHERS: Final = 3
"""How often the launcher may be killed before the runner gives up."""


class Supervisor:
    """Starts and ends attempts, and collects what the loop must report."""

    def __init__(
        self,
        start_launcher: Callable[[], Launcher],
        *,
        ledger: Ledger,
        files: RunFiles,
        outcomes: OutcomeRules,
        log: RunnerLog,
        progress: ProgressCallback,
        steps: Steps | None = None,
    ) -> None:
        self._start_launcher = start_launcher
        self._files = files
        self._outcomes = outcomes
        self._log = log
        self._progress = progress
        self._launchers_left = _LAUNCHERS
        keys = count(1)
        self.launcher = start_launcher()
        self.executor = Executor(self.launcher, ledger=ledger, files=files, keys=keys, steps=steps)
        self.scripts = Scripts(keys)
        self.tally = Tally()
        self.is_leaving = False
        self._is_delay_reported = False
        self.newly_ended: list[AttemptEnd] = []
        self._starts: list[Attempt] = []
        self._paused: list[tuple[float, AttemptEnd]] = []
        """Ends with the moment at which each is finished."""

    @property
    def is_empty(self) -> bool:
        return self.executor.is_empty and not self.scripts

    def start_what_fits(self) -> None:
        started = self.executor.start_what_fits()
        if started:
            self._outcomes.note_starts(started)
        for attempt in started:
            claim = attempt.claim
            self.tally.started += 1
            self._starts.append(attempt)
            self._log.write(f"start {attempt.label}")
            self._progress(JobStarted(claim.job_id, claim.model.name, claim.attempt_id))

    def report_to(self, reporter: Reporter, *, releases: Iterable[int], urgent: bool) -> None:
        """Hand the reporter what started and ended since the last call, and the claims to release."""
        starts, self._starts = self._starts, []
        ends, self.newly_ended = self.newly_ended, []
        released = list(releases)
        if starts or ends or released:
            reporter.add(starts=starts, ends=ends, releases=released, urgent=urgent)

    def read_launcher(self) -> None:
        """Handle the launcher's events. Raises RunnerError when the launcher was killed again and again."""
        try:
            events = self.launcher.events()
        except RunnerError as error:
            self._replace_launcher(error)
            return
        for event in events:
            match event:
                case Started(key, pid):
                    self.executor.note_start(key, pid)
                case Delayed(key, reason):
                    self._note_delay(key, reason)
                case Ended():
                    self.scripts.handle(event)
                    self._conclude(self.executor.reap(event))
                case Unstartable():
                    self.scripts.handle(event)
                    self._conclude(self.executor.give_up(event))
                case unreachable:
                    assert_never(unreachable)

    def _note_delay(self, key: int, error: str) -> None:
        """Report once in a run that processes cannot be started at present; the log has each of them."""
        attempt = self.executor.note_delay(key)
        what = f"{attempt.label} waits to be started" if attempt else "a command waits to be started"
        self._log.write(f"{what}: {error}")
        if not self._is_delay_reported:
            self._is_delay_reported = True
            self._progress(Notice("warning", f"{what}: {error}; it is tried again until it succeeds"))

    def flush(self) -> None:
        """Send the queued commands to the launcher."""
        try:
            self.launcher.flush()
        except RunnerError as error:
            self._replace_launcher(error)

    def stop(self, attempts: Iterable[Attempt], reason: StopReason, *, signum: int, lead_s: float) -> None:
        attempts = list(attempts)
        steps = self.executor.steps
        if steps is not None and lead_s > 0 and signum != signal.SIGKILL:
            steps.ask_to_end(attempts, signum)
        for attempt in attempts:
            self._log.write(f"stop {attempt.label}: {reason}")
            self.executor.stop(attempt, reason, signum, lead_s)

    def stop_everything(self, *, signum: int, lead_s: float) -> None:
        """Stop jobs and scripts because the runner leaves."""
        self.is_leaving = True
        self.stop(list(self.executor.running.values()), StopReason.LEAVING, signum=signum, lead_s=lead_s)
        self.scripts.stop_all(self.launcher, signum, lead_s)

    def forget(self, attempt: Attempt, message: str) -> None:
        """Kill an attempt that the server refused; its end is never reported."""
        self._notify("warning", f"{attempt.label} is not this runner's any more ({message}); it was stopped")
        attempt.stop = StopReason.FORGOTTEN
        self.executor.stop(attempt, StopReason.FORGOTTEN, signal.SIGKILL, 0.0)

    def forget_everything(self) -> None:
        """Kill all attempts and their scripts without a message; their ends are never reported."""
        running = list(self.executor.running.values())
        for attempt in (*running, *self.executor.ended.values()):
            attempt.stop = StopReason.FORGOTTEN
        self.stop(running, StopReason.FORGOTTEN, signum=signal.SIGKILL, lead_s=0.0)
        self.scripts.stop_all(self.launcher, signal.SIGKILL, 0.0)

    # -- ends -----------------------------------------------------------------------------------

    def _conclude(self, end: AttemptEnd | None) -> None:
        if end is None:
            return
        lost, self.executor.lost_nodes = self.executor.lost_nodes, []
        for node in lost:
            self._notify("warning", f"node {node} of the allocation has failed: no more jobs are started there")
        if end.attempt.stop is StopReason.FORGOTTEN:
            self.executor.free(end.attempt)
            return
        if end.infrastructure_fault:
            # its resources stay granted: others would only meet the same
            self._paused.append((time.monotonic() + end.pause_s, end))
            self.finish_paused(time.monotonic())
            return
        self._outcomes.conclude(end)
        rule = self._outcomes.apply_rules(end) if end.status is JobStatus.FAILED else None
        if rule is None:
            self._finish(end)
        elif rule.recovery_script is None:
            end.max_retries = rule.max_retries
            self._finish(end)
        elif self.is_leaving:
            end.unmatched = True
            self._finish(end)
        else:
            self._recover(end, rule, rule.recovery_script)

    def finish_paused(self, now: float) -> None:
        """Finish the ends whose pause is over; a runner that leaves waits for none."""
        paused, self._paused = self._paused, []
        for until, end in paused:
            if self.is_leaving or until <= now or end.attempt.stop is StopReason.FORGOTTEN:
                self._finish_lost(end)
            else:
                self._paused.append((until, end))

    def next_paused(self) -> float | None:
        """Return when `finish_paused` has something to do, on the monotonic clock; None while nothing is paused."""
        return min((until for until, _ in self._paused), default=None)

    def _finish_lost(self, end: AttemptEnd) -> None:
        if end.attempt.stop is StopReason.FORGOTTEN:
            self.executor.free(end.attempt)
        else:
            self._finish(end)

    def _recover(self, end: AttemptEnd, rule: FailureRule, script: str) -> None:
        attempt = end.attempt
        self._log.write(f"recovery script for {attempt.label}, return code {end.return_code}: {script}")
        self.scripts.run(
            self.launcher,
            script,
            env=job_environment(attempt, return_code=end.return_code),
            log=self._files.of_recovery(attempt.files),
            timeout_s=rule.recovery_timeout_s,
            on_end=partial(self._recovered, end, rule),
        )

    def _recovered(self, end: AttemptEnd, rule: FailureRule, script: ScriptEnd) -> None:
        if end.attempt.stop is StopReason.FORGOTTEN:
            self.executor.free(end.attempt)
            return
        if not script.failure:
            end.max_retries = rule.max_retries
        else:
            # a script that was cut short decided nothing: the failure waits for a decision, or the job is tried again
            # where the launcher is to blame
            end.unmatched = script.was_stopped or script.was_lost
            end.infrastructure_fault = script.was_lost
            end.recovery_script_error = None if end.unmatched else script.failure
            log = self._files.of_recovery(end.attempt.files)
            self._notify("warning", f"recovery script of {end.attempt.label} {script.failure}; its output: {log}")
        self._finish(end)

    def _finish(self, end: AttemptEnd) -> None:
        attempt, claim = end.attempt, end.attempt.claim
        will_retry = end.max_retries is not None or (
            end.infrastructure_fault and may_go_back(claim.model.infrastructure_faults or 0)
        )
        self.executor.free(attempt)
        self.tally.count(end.status, will_retry=will_retry)
        self.newly_ended.append(end)
        note = end.error or ", ".join(end.missing_files) or (end.verdict or "")
        self._log.write(
            f"end {attempt.label}: {end.status}, return code {end.return_code}, {end.duration_s:.3f} s"
            f"{', will be retried' if will_retry else ''}{f' ({note})' if note else ''}"
        )
        self._progress(
            JobEnded(
                claim.job_id,
                claim.model.name,
                claim.attempt_id,
                end.status,
                end.return_code,
                end.duration_s,
                will_retry,
                note,
            )
        )

    def _replace_launcher(self, error: RunnerError) -> None:
        # a suspect that ran alone harms itself only, and no more often than its faults are bounded
        if not self.executor.is_suspect_alone:
            self._launchers_left -= 1
        if self._launchers_left == 0:
            raise error
        self._notify("error", f"{error.message}; running jobs were lost with it, the runner goes on")
        self.launcher.close()
        # before the next launcher starts the same attempts again: nothing may run twice
        if self.executor.steps is not None:
            # on other nodes, where no process of theirs can be killed from here
            self.executor.steps.ask_to_end(list(self.executor.running.values()), signal.SIGKILL)
        self.launcher.kill_remains()
        self.launcher = self._start_launcher()
        for end in self.executor.replace_launcher(self.launcher):
            self._finish(end)
        self.scripts.lose_all()

    def _notify(self, level: Literal["warning", "error"], text: str) -> None:
        self._log.write(text)
        self._progress(Notice(level, text))
