"""The server goes away or fails: the user learns of it, and no result is lost."""

import signal
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from helpers import ServerProcess, ended, wait_until
from running import Ran, RunnerProcess, StartRunner, create, job, run, until_running

from runner.base.progress import Notice, Progress
from runner.base.settings import RunnerOptions
from runner.main import run_workflow
from runner.server.connection import Connection
from runner.server.journal import Undelivered, read_journal
from runner.server.outage import OutageNotice
from torc_client.http import TorcClient
from torc_core.api.jobs import CompleteJobsResponse, JobCompletion
from torc_core.errors import RunnerError, ServerFaultError, ServerUnavailableError, ServerUnreachableError, TorcError

AWAY = ServerUnreachableError("nobody there")
FULL = ServerFaultError("the disk is full")
LOCKED = ServerUnavailableError("the database is locked", hint="wait")


def test_a_server_that_is_away_is_reported_once_and_so_is_its_return(
    client: TorcClient, server: ServerProcess, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, gated(tmp_path))
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id)
    server.kill()
    until_printed(runner, "no answer from the server")
    server.start()
    until_printed(runner, "answers again")
    (tmp_path / "gate").touch()
    assert runner.summary()["completed"] == 1
    notices = runner.errors.read_text()
    assert f"no answer from the server at {server.url} since " in notices
    assert (notices.count("no answer from the server"), notices.count("answers again")) == (1, 1)
    log = next((tmp_path / "out").glob("job_runner*")).read_text()
    assert (log.count("no answer from the server"), log.count("answers again")) == (1, 1)


class FullClient(TorcClient):
    """The server answers claims, but cannot record what ended until `has_room`."""

    has_room = False

    def complete_jobs(self, workflow_id: int, completions: Iterable[JobCompletion]) -> CompleteJobsResponse:
        if not self.has_room:
            raise ServerFaultError("the disk is full", hint="make room")
        return super().complete_jobs(workflow_id, completions)


def test_a_server_that_fails_is_reported_in_its_own_words(
    client: TorcClient, server: ServerProcess, tmp_path: Path
) -> None:
    workflow_id = create(client, "true", "sleep 1")
    notices: list[str] = []
    with FullClient(server.transport()) as full:

        def hear(event: Progress) -> None:
            if isinstance(event, Notice):
                notices.append(event.text)
                full.has_room = True

        options = RunnerOptions(output_dir=tmp_path / "out", num_cpus=4, poll_interval_s=0.5)
        summary = run_workflow(full, workflow_id, options, progress=hear)
    assert summary.completed == 2
    assert f"the server at {server.url} fails since " in notices[0]
    assert notices[0].endswith("(the disk is full; make room)")
    assert notices[1:] == [f"the server at {server.url} answers again"]


@pytest.mark.parametrize("trouble", [FULL, LOCKED])
def test_an_answer_to_one_kind_of_request_does_not_hide_that_another_fails(trouble: TorcError) -> None:
    now = [100.0]
    connection = Connection(patience_s=10.0, wake=lambda: None, clock=lambda: now[0])
    connection.failed("reports", trouble)
    connection.failed("claims", AWAY)
    now[0] = 105.0
    connection.answered("claims")
    assert connection.silent_s == 5.0
    connection.answered("reports")
    assert connection.silent_s == 0.0


def test_the_message_about_a_server_that_answers_holds_its_cause() -> None:
    now = [100.0]
    connection = Connection(patience_s=1200.0, wake=lambda: None, clock=lambda: now[0])
    connection.failed("reports", LOCKED)
    now[0] = 110.0
    notice = OutageNotice(connection, url="http://server").take()
    assert notice is not None
    assert notice.text.startswith("the server at http://server cannot work since ")
    assert notice.text.endswith("(the database is locked; wait)")


def test_any_answer_shows_that_the_server_is_there_again() -> None:
    connection = Connection(patience_s=10.0, wake=lambda: None)
    connection.failed("reports", AWAY)
    connection.answered("claims")
    assert connection.trouble is None


def test_the_loop_is_woken_when_trouble_begins_and_when_it_ends() -> None:
    woken: list[None] = []
    connection = Connection(patience_s=10.0, wake=lambda: woken.append(None))
    connection.answered("claims")
    connection.failed("claims", AWAY)
    connection.failed("claims", AWAY)
    connection.answered("claims")
    assert len(woken) == 2


def gated(folder: Path) -> str:
    """A job that notes that it ran, and ends when `gate` is there."""
    return f"echo $TORC_JOB_NAME >> {folder}/marks; while [ ! -e {folder}/gate ]; do sleep 0.05; done"


def until_printed(runner: RunnerProcess, text: str) -> None:
    wait_until(lambda: text in runner.errors.read_text(), f"the runner says {text!r}", timeout_s=30)


def test_a_run_waits_for_a_database_that_is_locked(
    client: TorcClient, server: ServerProcess, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, gated(tmp_path), job("after", "true", depends_on=[0]))
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id)
    with closing(sqlite3.connect(server.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (tmp_path / "gate").touch()
        until_printed(runner, "another process has it locked")
        other.execute("ROLLBACK")
    assert runner.summary()["reason"] == "complete"
    assert "answers again" in runner.errors.read_text()


def test_results_that_an_interrupted_runner_could_not_deliver_are_delivered_by_the_next_run(
    client: TorcClient, server: ServerProcess, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, gated(tmp_path), "exec sleep 60", job("after", "true", depends_on=[0]))
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id, 2)
    server.kill()
    (tmp_path / "gate").touch()
    runner_log = next((tmp_path / "out").glob("job_runner*"))
    wait_until(lambda: "end job 1 " in runner_log.read_text(), "the job has ended")
    runner.signal(signal.SIGINT)
    runner.signal(signal.SIGTERM)
    runner.process.wait(30)
    (kept,) = (tmp_path / "out").glob(f"undelivered_wf{workflow_id}_r1_*")
    journal = read_journal(kept)
    assert journal is not None
    assert [entry.job_id for entry in journal.completions] == [1, 2]
    assert f"2 results could not be delivered; kept in {kept}" in runner.errors.read_text()
    server.start()
    again = run(client, workflow_id, tmp_path / "out")
    assert again.statuses() == {"job1": "completed", "job2": "terminated", "after": "completed"}
    assert (tmp_path / "marks").read_text().split() == ["job1"]
    assert "delivered 2 results that an earlier runner had kept" in notices(again)[0]
    assert not kept.exists()


def test_results_kept_by_a_runner_that_lost_patience_are_delivered_and_reported(
    client: TorcClient, server: ServerProcess, tmp_path: Path
) -> None:
    workflow_id = create(client, gated(tmp_path))
    threading.Timer(
        0.0, lambda: (until_running(client, workflow_id), server.kill(), (tmp_path / "gate").touch())
    ).start()
    with pytest.raises(RunnerError, match=r"no answer from the server.*job1"):
        run(client, workflow_id, tmp_path / "out", wait_for_server_s=1.0)
    server.start()
    assert run(client, workflow_id, tmp_path / "out").statuses() == {"job1": "completed"}
    assert (tmp_path / "marks").read_text().split() == ["job1"]


def test_kept_results_that_nobody_needs_any_more_are_dropped_and_reported(client: TorcClient, tmp_path: Path) -> None:
    workflow_id = create(client, "exit 3")
    (tmp_path / "out").mkdir()
    kept = tmp_path / "out" / f"undelivered_wf{workflow_id}_r1_here_1.json"
    run(client, workflow_id, tmp_path / "out")
    timestamp = client.workflows.get(workflow_id).timestamp
    stale = ended(1, workflow_id=workflow_id, runner_id=99, run_id=7)
    kept.write_text(Undelivered(workflow_timestamp=timestamp, completions=[stale]).model_dump_json())
    again = run(client, workflow_id, tmp_path / "out")
    assert again.statuses() == {"job1": "pending_failed"}
    assert notices(again)[0].startswith("delivered no results that an earlier runner had kept; others are not needed")
    assert not kept.exists()


@pytest.mark.parametrize("text", ["{", '{"workflow_timestamp": "another", "completions": []}'])
def test_kept_results_that_are_not_of_this_workflow_are_left_alone(
    client: TorcClient, tmp_path: Path, text: str
) -> None:
    workflow_id = create(client, "true")
    (tmp_path / "out").mkdir()
    kept = tmp_path / "out" / f"undelivered_wf{workflow_id}_r1_here_1.json"
    kept.write_text(text)
    ran = run(client, workflow_id, tmp_path / "out")
    assert ran.statuses() == {"job1": "completed"}
    assert str(kept) in notices(ran)[0]
    assert kept.read_text() == text


def notices(ran: Ran) -> list[str]:
    return [str(event.text) for event in ran.events if isinstance(event, Notice)]
