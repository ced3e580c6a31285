"""The server goes away or fails: the user is told, and no result is lost."""

from collections.abc import Iterable
from pathlib import Path

from helpers import ServerProcess, wait_until
from running import RunnerProcess, StartRunner, create, until_running

from runner.link import Link
from runner.loop import run_workflow
from runner.progress import Notice, Progress
from runner.settings import RunnerOptions
from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core.api.jobs import CompleteJobsResponse, JobCompletion
from torc_core.errors import ServerFaultError, ServerUnreachableError

AWAY = ServerUnreachableError("nobody there")
FULL = ServerFaultError("the disk is full")


def test_a_server_that_is_away_is_told_of_once_and_so_is_its_return(
    client: TorcClient, server: ServerProcess, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, gated(tmp_path))
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id)
    server.kill()
    until_said(runner, "no answer from the server")
    server.start()
    until_said(runner, "answers again")
    (tmp_path / "gate").touch()
    assert runner.summary()["completed"] == 1
    said = runner.errors.read_text()
    assert f"no answer from the server at {server.url} since " in said
    assert (said.count("no answer from the server"), said.count("answers again")) == (1, 1)
    log = next((tmp_path / "out").glob("job_runner*")).read_text()
    assert (log.count("no answer from the server"), log.count("answers again")) == (1, 1)


class FullClient(TorcClient):
    """The server answers claims, but cannot record what ended until `has_room`."""

    has_room = False

    def complete_jobs(self, workflow_id: int, completions: Iterable[JobCompletion]) -> CompleteJobsResponse:
        if not self.has_room:
            raise ServerFaultError("the disk is full")
        return super().complete_jobs(workflow_id, completions)


def test_a_server_that_fails_is_told_of_in_its_own_words(
    client: TorcClient, server: ServerProcess, tmp_path: Path
) -> None:
    workflow_id = create(client, "true", "sleep 1")
    said: list[str] = []
    with FullClient(Transport(server.url)) as full:

        def hear(event: Progress) -> None:
            if isinstance(event, Notice):
                said.append(event.text)
                full.has_room = True

        options = RunnerOptions(output_dir=tmp_path / "out", num_cpus=4, poll_interval_s=0.5)
        summary = run_workflow(full, workflow_id, options, progress=hear)
    assert summary.completed == 2
    assert f"the server at {server.url} fails since " in said[0]
    assert "(the disk is full)" in said[0]
    assert said[1:] == [f"the server at {server.url} answers again"]


def test_an_answer_to_one_kind_of_request_does_not_hide_that_another_fails() -> None:
    now = [100.0]
    link = Link(patience_s=10.0, wake=lambda: None, clock=lambda: now[0])
    link.failed("reports", FULL)
    link.failed("claims", AWAY)
    now[0] = 105.0
    link.answered("claims")
    assert link.silent_s == 5.0
    link.answered("reports")
    assert link.silent_s == 0.0


def test_any_answer_shows_that_the_server_is_there_again() -> None:
    link = Link(patience_s=10.0, wake=lambda: None)
    link.failed("reports", AWAY)
    link.answered("claims")
    assert link.trouble is None


def test_the_loop_is_woken_when_trouble_begins_and_when_it_ends() -> None:
    woken: list[None] = []
    link = Link(patience_s=10.0, wake=lambda: woken.append(None))
    link.answered("claims")
    link.failed("claims", AWAY)
    link.failed("claims", AWAY)
    link.answered("claims")
    assert len(woken) == 2


def gated(folder: Path) -> str:
    """A job that notes that it ran, and ends when `gate` is there."""
    return f"echo $TORC_JOB_NAME >> {folder}/marks; while [ ! -e {folder}/gate ]; do sleep 0.05; done"


def until_said(runner: RunnerProcess, text: str) -> None:
    wait_until(lambda: text in runner.errors.read_text(), f"the runner says {text!r}", timeout_s=30)
