"""A thread that reports starts and ends to the server in batches, and keeps them while it is away."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.base.attempt import Attempt, AttemptEnd
from runner.base.threads import LoopThread
from runner.server.completion import Reporting
from runner.server.connection import Connection, pause_after
from runner.server.journal import Journal
from torc_client.http import TorcClient
from torc_core.api.jobs import JobCompletion, ReleaseClaimsRequest, StartJobsRequest
from torc_core.errors import (
    ForbiddenError,
    NotFoundError,
    ServerFaultError,
    ServerUnreachableError,
    TorcError,
    UnauthorizedError,
)
from torc_core.jobs.status import JobStatus

_BATCH: Final = 1000
_FAILED_BATCH: Final = 200
_PACE_S: Final = 0.1
_START_AFTER_S: Final = 0.1
"""An attempt that ends sooner is reported once, with its end."""
_FAULTS_BEFORE_SPLIT: Final = 3
_SLOW_ANSWER_S: Final = 0.1
"""A server that answers sooner lets ends wait for the next batch; otherwise they are written to the disk at once."""
_LARGE_JOURNAL_BYTES: Final = 4 << 20
_HOPELESS: Final = (NotFoundError, UnauthorizedError, ForbiddenError)


@dataclass(slots=True)
class ReportAnswers:
    """The server's answers to one batch of reports."""

    recorded: list[AttemptEnd] = field(default_factory=list)
    refused_starts: list[tuple[Attempt, str]] = field(default_factory=list)
    refused_ends: list[tuple[AttemptEnd, str]] = field(default_factory=list)
    error: TorcError | None = None
    """The server will never take any report of this run again."""


@dataclass(frozen=True, slots=True)
class _Start:
    """A start to report, unless its end comes before `due_at` on the monotonic clock."""

    attempt: Attempt
    due_at: float


@dataclass(slots=True)
class _Batch:
    starts: list[_Start] = field(default_factory=list)
    ends: list[AttemptEnd] = field(default_factory=list)
    releases: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.starts or self.ends or self.releases)


class Reporter:
    """Reports the start of an attempt before its end, or not at all when it ends soon: the end implies the start.

    A batch under way counts as undelivered.
    """

    def __init__(
        self,
        client: TorcClient,
        reporting: Reporting,
        *,
        connection: Connection,
        journal: Journal,
        wake: Callable[[], None],
    ) -> None:
        self._client = client
        self._reporting = reporting
        self._connection = connection
        self._wake = wake
        self._lock = threading.Lock()
        self._condition = threading.Condition(self._lock)
        """Waited on by the reporter's thread."""
        self._busy = threading.Condition(self._lock)
        """Waited on by the journal's thread, for ends that come while the other one is sending."""
        self._journal = journal
        self._ended: list[AttemptEnd] = []
        """Not in the journal yet."""
        self._journaling: list[AttemptEnd] = []
        self._completions: dict[int, JobCompletion] = {}
        """By the attempt's key, from the journal until the delivery: evidence is gathered once."""
        self._compact_at_bytes = _LARGE_JOURNAL_BYTES
        self._waiting = _Batch()
        self._under_way = _Batch()
        self._urgent = False
        self._is_sending = False
        self._closing = False
        self._answers: deque[ReportAnswers] = deque()
        self._progress_at = time.monotonic()
        self.thread = LoopThread("reporter", self._work, wake=wake, may_end=lambda: self._closing)
        self.journal_thread = LoopThread("journal", self._keep, wake=wake, may_end=lambda: self._closing)

    def add(
        self,
        *,
        starts: Sequence[Attempt] = (),
        ends: Sequence[AttemptEnd] = (),
        releases: Sequence[int] = (),
        urgent: bool,
    ) -> None:
        """Queue reports; `urgent` when the runner has nothing to do but wait for their effect."""
        with self._condition:
            if not self._has_work:
                self._progress_at = time.monotonic()  # nothing was due until now
            # decided here, once: the loop moves `started_at` when the launcher answers, and a start that becomes
            # young again between two looks at it would make a batch that seemed due come out empty
            self._waiting.starts.extend(_Start(attempt, attempt.started_at + _START_AFTER_S) for attempt in starts)
            self._ended.extend(ends)
            self._waiting.releases.extend(releases)
            self._urgent = urgent
            self._condition.notify()
            if self._is_sending:
                self._busy.notify()

    def take(self) -> list[ReportAnswers]:
        """Return the server's answers since the last call."""
        taken: list[ReportAnswers] = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    @property
    def is_idle(self) -> bool:
        """Return whether everything is delivered and the answers are taken."""
        with self._condition:
            return not self._has_work and not self._is_sending and not self._answers

    @property
    def stalled_s(self) -> float:
        """Return the seconds since the server took a report although one is due; 0 while nothing waits."""
        with self._condition:
            is_due = self._has_work or self._is_sending
            return time.monotonic() - self._progress_at if is_due else 0.0

    def undelivered(self) -> list[AttemptEnd]:
        with self._condition:
            return [*self._under_way.ends, *self._waiting.ends, *self._journaling, *self._ended]

    def keep_undelivered(self) -> int:
        """Let the journal hold exactly what is not delivered; return the number of results."""
        completions = [self._completion(end) for end in self.undelivered()]
        if completions:
            self._journal.replace(completions)
        else:
            self._journal.clear()
        return len(completions)

    def close(self) -> None:
        """Ask the thread to send what is left, unless the server is away, and to end; do not wait for it."""
        with self._condition:
            self._closing = True
            self._condition.notify()
            self._busy.notify()

    @property
    def _has_work(self) -> bool:
        """Return whether anything is to be reported; under the lock."""
        return bool(self._waiting or self._under_way or self._ended or self._journaling)

    def _completion(self, end: AttemptEnd) -> JobCompletion:
        known = self._completions.get(end.attempt.key)
        return self._reporting.completion(end) if known is None else known

    # -- the journal ----------------------------------------------------------------------------

    def _keep(self) -> None:
        """Write ends to the journal while the reporter's thread is busy with a server that is slow or away.

        While the server answers, that thread writes them itself, just before it reports them: nothing waits for this
        thread, nor for a disk.
        """
        while True:
            with self._lock:
                self._busy.wait_for(lambda: self._closing or (bool(self._ended) and self._is_sending))
                self._busy.wait_for(lambda: self._closing, _SLOW_ANSWER_S)
                if self._closing:
                    return
                ends = self._take_ended() if self._is_sending else []
            if ends:
                self._write_ends(ends)
                self._journal.sync()

    def _take_ended(self) -> list[AttemptEnd]:
        """Take the ends that are not in the journal, for `_write_ends`; under the lock.

        None while the other thread writes: two at once would each take the list of the other for its own.
        """
        if not self._journaling:
            self._journaling, self._ended = self._ended, []
            return self._journaling
        return []

    def _write_ends(self, ends: list[AttemptEnd]) -> None:
        """Write ends to the journal and queue them for the report.

        In this order: if the runner is killed in between, the next one delivers what was not reported.
        """
        completions = [self._reporting.completion(end) for end in ends]
        self._completions |= {end.attempt.key: made for end, made in zip(ends, completions, strict=True)}
        self._journal.append(completions)
        if self._journal.size > self._compact_at_bytes:
            # a long run that always has something under way would never find a moment to clear the journal
            self.keep_undelivered()
            self._compact_at_bytes = max(_LARGE_JOURNAL_BYTES, 2 * self._journal.size)
        with self._lock:
            self._waiting.ends.extend(self._journaling)
            self._journaling = []
            self._condition.notify()

    def _clear_journal(self) -> None:
        """Clear the journal if the server has all that is in it.

        Under the lock: an end that is written meanwhile would be dropped with those that are delivered.
        """
        with self._lock:
            if not (self._waiting.ends or self._under_way.ends or self._journaling):
                self._journal.clear()

    # -- the thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        sent_at = 0.0
        while self._next_batch(sent_at):
            sent_at = time.monotonic()
            answers = ReportAnswers()
            failures = 0
            while self._under_way and not (self._closing and failures):
                try:
                    self._send(answers)
                    self._connection.answered("reports")
                    failures = 0
                except _HOPELESS as error:
                    answers.error = error
                    self._clear()
                except ServerUnreachableError as error:
                    self._connection.failed("reports", error)
                    failures = self._pause(failures)
                except ServerFaultError as error:
                    self._connection.failed("reports", error)
                    failures = self._pause(failures)
                    if failures > _FAULTS_BEFORE_SPLIT:
                        self._send_one_by_one(answers, error)
                except TorcError as error:
                    self._connection.answered("reports")
                    self._send_one_by_one(answers, error)
            # in this order: an idle reporter whose answers are not there yet would let the loop leave without them
            self._answers.append(answers)
            self._is_sending = False
            self._clear_journal()
            self._wake()

    def _next_batch(self, sent_at: float) -> bool:
        """Wait for something to report, and a little longer while more is coming; False once it is closed and done.

        An empty batch is no end: what seemed due may have been forgotten by the time it is taken, and a thread that
        ended then would leave every later report undelivered.
        """
        while True:
            with self._lock:
                if self._under_way:
                    return False  # closed while the server was away: it stays here, and counts as undelivered
                while not self._closing and (unripe_s := self._unripe_s()) != 0:
                    self._condition.wait(unripe_s)
                pause_s = sent_at + _PACE_S - time.monotonic()
                if pause_s > 0 and not self._closing:
                    self._condition.wait_for(lambda: self._urgent or self._closing or self._is_much(), timeout=pause_s)
                self._condition.wait_for(lambda: not self._journaling)
                ends = self._take_ended()
            if ends:
                self._write_ends(ends)
            with self._lock:
                self._under_way, self._waiting = self._split()
                if self._under_way:
                    self._is_sending = True
                    return True
                if self._closing and not (self._ended or self._journaling):
                    return False

    def _is_much(self) -> bool:
        return len(self._waiting.starts) + len(self._waiting.ends) + len(self._ended) >= _BATCH

    def _unripe_s(self) -> float | None:
        """Return the seconds until there is something to report; None while nothing waits."""
        waiting = self._waiting
        if waiting.ends or waiting.releases or self._ended or self._journaling:
            return 0.0
        # not in the order of `due_at`: each is as old as its attempt was when it was added
        soonest = min((start.due_at for start in waiting.starts), default=None)
        return None if soonest is None else max(0.0, soonest - time.monotonic())

    def _split(self) -> tuple[_Batch, _Batch]:
        """Return what is reported now, and the young starts that wait for their ends a little longer."""
        waiting, now = self._waiting, time.monotonic()
        ended = {end.attempt.key for end in waiting.ends}
        ripe: list[_Start] = []
        young: list[_Start] = []
        for start in waiting.starts:
            if start.attempt.key not in ended:
                (ripe if start.due_at <= now or self._closing else young).append(start)
        return _Batch(starts=ripe, ends=waiting.ends, releases=waiting.releases), _Batch(starts=young)

    def _send(self, answers: ReportAnswers) -> None:
        """Send the batch; each part is removed once the server has it, so that a repetition sends only the rest."""
        batch = self._under_way
        while batch.starts:
            self._send_starts([start.attempt for start in batch.starts[:_BATCH]], answers)
            del batch.starts[:_BATCH]
        while batch.ends:
            # evidence makes a report a hundred times as large
            size = _BATCH if all(end.status is JobStatus.COMPLETED for end in batch.ends[:_BATCH]) else _FAILED_BATCH
            self._send_ends(batch.ends[:size], answers)
            del batch.ends[:size]
        if batch.releases:
            request = ReleaseClaimsRequest(compute_node_id=self._reporting.compute_node_id, job_ids=batch.releases)
            self._client.release_claims(self._reporting.workflow_id, request)
            batch.releases.clear()

    def _send_starts(self, starts: list[Attempt], answers: ReportAnswers) -> None:
        by_job = {attempt.claim.job_id: attempt for attempt in starts}
        answer = self._client.start_jobs(
            self._reporting.workflow_id,
            StartJobsRequest(
                run_id=self._reporting.run_id,
                compute_node_id=self._reporting.compute_node_id,
                job_ids=list(by_job),
            ),
        )
        self._progress_at = time.monotonic()
        for refusal in answer.errors:
            attempt = by_job.get(refusal.job_id)
            if attempt is not None:
                answers.refused_starts.append((attempt, refusal.message))
                self._forget(attempt)

    def _forget(self, attempt: Attempt) -> None:
        """Drop the end of an attempt whose start the server refused."""
        with self._condition:
            for ends in (self._under_way.ends, self._waiting.ends, self._journaling, self._ended):
                ends[:] = [end for end in ends if end.attempt is not attempt]

    def _send_ends(self, ends: list[AttemptEnd], answers: ReportAnswers) -> None:
        completions = [self._completion(end) for end in ends]
        answer = self._client.complete_jobs(self._reporting.workflow_id, completions)
        self._progress_at = time.monotonic()
        refusals = {refusal.job_id: refusal.message for refusal in answer.errors}
        for end in ends:
            self._completions.pop(end.attempt.key, None)
            message = refusals.get(end.attempt.claim.job_id)
            if message is None:
                answers.recorded.append(end)
                _tidy(end)
            else:
                answers.refused_ends.append((end, message))

    def _send_one_by_one(self, answers: ReportAnswers, error: TorcError) -> None:
        """Send each report by itself, so that a bad one does not keep the others back; one that faults is kept."""
        batch = self._under_way
        unstartable: list[int] = []
        for start in list(batch.starts):
            attempt = start.attempt
            try:
                self._send_starts([attempt], answers)
            except ServerUnreachableError:
                return
            except ServerFaultError:
                continue
            except TorcError as refusal:
                answers.refused_starts.append((attempt, refusal.message))
                self._forget(attempt)
                unstartable.append(attempt.claim.job_id)
            batch.starts.remove(start)
        for end in list(batch.ends):
            try:
                self._send_ends([end], answers)
            except ServerUnreachableError:
                return
            except ServerFaultError:
                continue
            except TorcError as refusal:
                answers.refused_ends.append((end, refusal.message))
            batch.ends.remove(end)
        if not batch.starts and not batch.ends and not isinstance(error, ServerFaultError):
            batch.releases.clear()
        batch.releases.extend(unstartable)  # still this runner's claims, though it may not start them

    def _pause(self, failures: int) -> int:
        self._journal.sync()  # the reports under way are to survive the end of the machine, too
        with self._condition:
            self._condition.wait_for(lambda: self._closing, pause_after(failures))
        return failures + 1

    def _clear(self) -> None:
        with self._condition:
            self._under_way = _Batch()


def _tidy(end: AttemptEnd) -> None:
    """Remove the output of a successful attempt where the workflow wants that."""
    files = end.attempt.files
    if files.delete_on_success and end.status is JobStatus.COMPLETED:
        for name in {files.stdout, files.stderr} - {None}:
            with suppress(OSError):
                Path(name or "").unlink()
