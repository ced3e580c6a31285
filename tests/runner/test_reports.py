"""The thread that reports starts and ends: it goes on until it is closed, and nothing it held is lost."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from helpers import wait_until

from runner.base.attempt import Attempt, AttemptEnd, ClaimedJob, OutputFiles
from runner.base.ledger import Grant, Need
from runner.base.threads import LoopThread
from runner.server.completion import Reporting
from runner.server.connection import Connection
from runner.server.journal import Journal
from runner.server.reports import Reporter
from torc_client.http import TorcClient
from torc_core.api.jobs import (
    CompleteJobsResponse,
    JobCompletion,
    JobModel,
    ReleaseClaimsRequest,
    StartJobsRequest,
    StartJobsResponse,
)
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import RunnerError, ServerUnreachableError
from torc_core.jobs.status import JobStatus


class RecordingClient:
    """Takes reports as a server does, or is away."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.completed: list[int] = []
        self.is_away = threading.Event()
        self.tried = threading.Event()

    def start_jobs(self, _workflow_id: int, request: StartJobsRequest) -> StartJobsResponse:
        self._answer()
        self.started += request.job_ids
        return StartJobsResponse(started=request.job_ids)

    def complete_jobs(self, _workflow_id: int, completions: list[JobCompletion]) -> CompleteJobsResponse:
        self._answer()
        ids = [completion.job_id for completion in completions]
        self.completed += ids
        return CompleteJobsResponse(completed=ids)

    def release_claims(self, _workflow_id: int, _request: ReleaseClaimsRequest) -> None:
        self._answer()

    def _answer(self) -> None:
        self.tried.set()
        if self.is_away.is_set():
            raise ServerUnreachableError("no server")


@pytest.fixture
def client() -> RecordingClient:
    return RecordingClient()


@pytest.fixture
def reporter(client: RecordingClient, tmp_path: Path) -> Reporter:
    def wake() -> None:
        pass

    reporting = Reporting(workflow_id=1, run_id=1, compute_node_id=1, hostname="here")
    return Reporter(
        cast(TorcClient, client),
        reporting,
        connection=Connection(patience_s=60.0, wake=wake),
        journal=Journal(tmp_path / "journal.jsonl", WorkflowModel(name="w", user="u", timestamp="now")),
        wake=wake,
    )


def attempt(key: int, *, age_s: float) -> Attempt:
    model = JobModel(id=key, workflow_id=1, name=f"job{key}", command="true")
    need = Need(name="small", cpus=1, memory_bytes=1, gpus=0, nodes=1, runtime_s=60.0)
    return Attempt(
        key=key,
        claim=ClaimedJob(key, 1, model, need, time.monotonic()),
        grant=Grant(1, 1, ()),
        files=OutputFiles("stem", None, None),
        started_at=time.monotonic() - age_s,
    )


def end_of(ended: Attempt) -> AttemptEnd:
    return AttemptEnd(
        attempt=ended, return_code=0, ended_at=datetime.now(UTC), duration_s=1.0, status=JobStatus.COMPLETED
    )


def test_a_start_that_becomes_young_again_does_not_end_the_thread(
    client: RecordingClient, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps_its_pace = threading.Event()
    wait_for = reporter._condition.wait_for

    def noting_wait_for(predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        keeps_its_pace.set()
        return wait_for(predicate, timeout)

    monkeypatch.setattr(reporter._condition, "wait_for", noting_wait_for)
    reporter.add(starts=[attempt(1, age_s=1.0)], urgent=False)
    assert client.tried.wait(10.0)
    second = attempt(2, age_s=1.0)
    reporter.add(starts=[second], urgent=False)
    # the launcher's "started" arrives while the thread waits for its pace
    assert keeps_its_pace.wait(10.0)
    second.started_at = time.monotonic() + 0.5
    wait_until(lambda: client.started == [1, 2], "the second start is reported too")
    reporter.add(ends=[end_of(second)], urgent=True)
    wait_until(lambda: client.completed == [2], "its end is reported")
    assert reporter.thread.error is None


def test_what_was_under_way_when_it_was_closed_counts_as_undelivered(
    client: RecordingClient, reporter: Reporter
) -> None:
    client.is_away.set()
    reporter.add(ends=[end_of(attempt(1, age_s=1.0))], urgent=True)
    assert client.tried.wait(10.0)
    reporter.add(ends=[end_of(attempt(2, age_s=1.0))], urgent=True)
    reporter.close()
    reporter.thread.join(10.0)
    assert [end.attempt.key for end in reporter.undelivered()] == [1, 2]


def test_closing_sends_what_is_left(client: RecordingClient, reporter: Reporter) -> None:
    reporter.add(starts=[attempt(1, age_s=0.0)], ends=[end_of(attempt(2, age_s=1.0))], urgent=False)
    reporter.close()
    reporter.thread.join(10.0)
    assert (client.started, client.completed, reporter.undelivered()) == ([1], [2], [])


def ending_after(work: Callable[[], None], *, asked: bool) -> LoopThread:
    thread = LoopThread("tested", work, wake=lambda: None, may_end=lambda: asked)
    thread.join(10.0)
    return thread


def test_a_thread_that_ends_unasked_has_an_error_that_the_loop_sees() -> None:
    error = ending_after(lambda: None, asked=False).error
    assert isinstance(error, RunnerError)
    assert "ended although nothing asked it to" in error.message


def test_a_thread_that_was_asked_to_end_has_no_error() -> None:
    assert ending_after(lambda: None, asked=True).error is None


def test_ends_are_in_the_journal_before_they_are_reported_and_gone_after(
    client: RecordingClient, reporter: Reporter, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    client.is_away.set()
    reporter.add(ends=[end_of(attempt(1, age_s=1.0))], urgent=True)
    assert client.tried.wait(10.0)
    assert journal.read_bytes().count(b"\n") == 2
    reporter.add(ends=[end_of(attempt(2, age_s=1.0))], urgent=True)
    wait_until(lambda: journal.read_bytes().count(b"\n") == 3, "what ends during the outage is in it, too")
    client.is_away.clear()
    wait_until(lambda: client.completed == [1, 2], "both are delivered")
    wait_until(lambda: not journal.stat().st_size, "the journal is empty")


def test_a_long_journal_is_compacted_to_what_is_not_delivered(
    client: RecordingClient, reporter: Reporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "_compact_at_bytes", 1)
    client.is_away.set()
    reporter.add(ends=[end_of(attempt(key, age_s=1.0)) for key in (1, 2)], urgent=True)
    assert client.tried.wait(10.0)
    found = (tmp_path / "journal.jsonl").read_bytes()
    assert found.count(b"\n") == 3
