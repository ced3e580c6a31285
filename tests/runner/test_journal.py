"""Ended attempts stand in a journal until the server has them: a runner that is killed meanwhile loses none."""

import os
import threading
from pathlib import Path

import pytest
from helpers import ServerProcess, ended, wait_until
from running import RunnerProcess, StartRunner, create, job, run, until_running

from runner.server.delivery import deliver_kept
from runner.server.journal import Journal, read_journal
from torc_client.http import TorcClient
from torc_core.api.jobs import JobCompletion
from torc_core.api.workflows import WorkflowModel

WORKFLOW = WorkflowModel(id=1, name="w", user="u", timestamp="2026-01-01T00:00:00Z")


def completions(*job_ids: int) -> list[JobCompletion]:
    return [ended(job_id, workflow_id=1, runner_id=1) for job_id in job_ids]


def ids_in(path: Path) -> list[int]:
    found = read_journal(path)
    assert found is not None
    assert found.workflow_timestamp == WORKFLOW.timestamp
    return [completion.job_id for completion in found.completions]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_a_journal_is_read_once_its_runner_is_gone(path: Path) -> None:
    journal = Journal(path, WORKFLOW)
    journal.append(completions(1, 2))
    assert read_journal(path) is None
    journal.append(completions(3))
    journal.close()
    assert ids_in(path) == [1, 2, 3]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_slow_disk_keeps_nobody_from_adding_to_the_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_syncing, may_end = threading.Event(), threading.Event()

    def sync_slowly(_: int) -> None:
        is_syncing.set()
        may_end.wait()

    monkeypatch.setattr(os, "fdatasync", sync_slowly)
    journal = Journal(path, WORKFLOW)
    journal.append(completions(1))
    syncing = threading.Thread(target=journal.sync)
    adding = threading.Thread(target=journal.append, args=[completions(2)])
    try:
        syncing.start()
        assert is_syncing.wait(60)
        adding.start()
        adding.join(60)
        assert not adding.is_alive()
    finally:
        may_end.set()
        syncing.join()
    journal.close()
    assert ids_in(path) == [1, 2]


def test_a_line_that_was_cut_off_is_left_out(path: Path) -> None:
    journal = Journal(path, WORKFLOW)
    journal.append(completions(1, 2))
    journal.close()
    path.write_bytes(path.read_bytes()[:-20])
    assert ids_in(path) == [1]


def test_a_journal_that_was_cleared_holds_only_what_came_later(path: Path) -> None:
    journal = Journal(path, WORKFLOW)
    journal.append(completions(1, 2))
    journal.clear()
    journal.append(completions(3))
    journal.close()
    assert ids_in(path) == [3]


def test_a_journal_whose_reports_are_all_delivered_leaves_no_file(path: Path) -> None:
    journal = Journal(path, WORKFLOW)
    journal.append(completions(1))
    journal.clear()
    journal.close()
    assert not path.exists()


def test_a_journal_that_is_replaced_holds_the_new_reports_and_grows_further(path: Path) -> None:
    journal = Journal(path, WORKFLOW)
    journal.append(completions(1, 2, 3))
    journal.replace(completions(2))
    assert read_journal(path) is None, "the new file is locked, too"
    journal.append(completions(4))
    journal.close()
    assert ids_in(path) == [2, 4]
    assert list(path.parent.iterdir()) == [path]


def test_a_journal_that_cannot_be_written_says_why_and_tries_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "later" / "journal.jsonl", WORKFLOW)
    journal.append(completions(1))
    assert journal.problem == "No such file or directory"
    (tmp_path / "later").mkdir()
    journal.append(completions(2))
    assert journal.problem is None


def gated(folder: Path) -> str:
    """A job that notes that it ran, and ends when `gate` is there."""
    return f"echo $TORC_JOB_NAME >> {folder}/marks; while [ ! -e {folder}/gate ]; do sleep 0.05; done"


@pytest.fixture
def killed(client: TorcClient, server: ServerProcess, start_runner: StartRunner, tmp_path: Path) -> int:
    """The workflow of a runner that was killed while the server was away, after three of four jobs had ended."""
    jobs = [job(f"job{number}", gated(tmp_path)) for number in range(2)]
    failing = job("failing", f"{gated(tmp_path)}; echo 'ValueError: bad' >&2; exit 3")
    workflow_id = create(client, *jobs, failing, job("after", "true", depends_on=[0, 1]))
    runner: RunnerProcess = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id, 3)
    server.kill()
    (tmp_path / "gate").touch()
    (log,) = (tmp_path / "out").glob("job_runner*")
    wait_until(lambda: log.read_text().count("\n") and log.read_text().count(" end job ") == 3, "the jobs have ended")
    (journal,) = (tmp_path / "out").glob("undelivered*")
    wait_until(lambda: journal.read_bytes().count(b"\n") == 4, "the ends are in the journal")
    runner.kill()
    server.start()
    return workflow_id


def test_the_next_run_delivers_what_a_killed_runner_had_ended(client: TorcClient, killed: int, tmp_path: Path) -> None:
    ran = run(client, killed, tmp_path / "out")
    assert ran.statuses() == {
        "job0": "completed",
        "job1": "completed",
        "failing": "pending_failed",
        "after": "completed",
    }
    assert sorted((tmp_path / "marks").read_text().split()) == ["failing", "job0", "job1"]
    assert not list((tmp_path / "out").glob("undelivered*"))


def test_what_is_delivered_later_has_its_evidence(client: TorcClient, killed: int, tmp_path: Path) -> None:
    (notice,) = deliver_kept(client, client.workflows.get(killed), tmp_path / "out")
    assert notice.text == "delivered 3 results that an earlier runner had kept"
    (failing,) = client.jobs.list_all(workflow_id=killed, name="failing")
    assert "ValueError: bad" in client.job_evidence(failing.id or 0).evidence.stderr_tail


def test_the_journal_of_a_living_runner_is_left_alone(
    client: TorcClient, server: ServerProcess, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, gated(tmp_path), "exec sleep 60")
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id, 2)
    server.kill()
    (tmp_path / "gate").touch()
    wait_until(lambda: list((tmp_path / "out").glob("undelivered*")), "the journal is there")
    server.start()
    deliver_kept(client, client.workflows.get(workflow_id), tmp_path / "out")
    wait_until(lambda: client.jobs.list_all(workflow_id=workflow_id, status="completed"), "the runner delivers it")
    assert runner.process.poll() is None
