"""When the runner leaves, and how."""

import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from helpers import ServerProcess, wait_until
from running import StartRunner, create, job, processes_with, run, until_running

from runner.summary import ExitReason
from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core.api.drafts import ResourceRequirementsDraft
from torc_core.api.jobs import ClaimedJobs
from torc_core.errors import NotFoundError, RunnerError
from torc_core.jobs.status import JobStatus

LONG_S = 60.0
"""Nobody waits for so long: who does, did not hear the news."""
ENDLESS = "trap 'echo saved; exit 3' TERM; echo begun; while :; do sleep 0.05; done"


def test_an_unknown_workflow_is_an_error(client: TorcClient, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        run(client, 999, tmp_path / "out")


class WaitsNoted(TorcClient):
    """Notes how long the server may wait with its answers to claims."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.waits_s: list[float] = []

    def claim_jobs(self, *args: Any, wait_s: float = 0.0, **kwargs: Any) -> ClaimedJobs:
        self.waits_s.append(wait_s)
        return super().claim_jobs(*args, wait_s=wait_s, **kwargs)


def test_a_workflow_without_anything_to_do_is_left_at_once(
    server: ServerProcess, client: TorcClient, tmp_path: Path
) -> None:
    workflow_id = create(client, "true")
    run(client, workflow_id, tmp_path / "out")
    with WaitsNoted(server.transport()) as noting:
        again = run(noting, workflow_id, tmp_path / "out")
    assert (again.summary.reason, again.summary.started) == (ExitReason.COMPLETE, 0)
    assert noting.waits_s == [0.0], "it asked once, and for an answer at once"


def test_signal_handlers_are_given_back(client: TorcClient, tmp_path: Path) -> None:
    before = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
    run(client, create(client, "true"), tmp_path / "out")
    assert [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_cancel_is_noticed_while_all_slots_are_busy(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, *[ENDLESS] * 6)
    runner = start_runner(workflow_id, tmp_path / "out", poll_interval_s=LONG_S)
    until_running(client, workflow_id, 4)
    client.cancel_workflow(workflow_id)
    assert runner.summary(timeout_s=LONG_S / 2)["reason"] == "canceled"
    notices = [line for line in runner.errors.read_text().splitlines() if line.startswith("Notice")]
    assert notices == ["Notice(level='info', text='canceled: 4 running jobs are stopped')"]
    assert processes_with(f"TORC_OUTPUT_DIR={tmp_path}/out") == []


def test_a_cancel_is_noticed_while_the_runner_waits(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, ENDLESS, job("after", "true", depends_on=[0]))
    busy = start_runner(workflow_id, tmp_path / "a", poll_interval_s=30.0)
    until_running(client, workflow_id)
    idle = start_runner(workflow_id, tmp_path / "b", poll_interval_s=30.0)
    wait_until(
        lambda: len(client.compute_nodes.list_all(workflow_id=workflow_id, is_active=True)) == 2, "both registered"
    )
    client.cancel_workflow(workflow_id)
    assert [runner.summary()["reason"] for runner in (busy, idle)] == ["canceled", "canceled"]


def test_a_runner_leaves_when_another_run_has_begun_and_its_job_goes_back(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, ENDLESS)
    runner = start_runner(workflow_id, tmp_path / "out", poll_interval_s=LONG_S)
    until_running(client, workflow_id)
    client.reset_workflow_status(workflow_id, force=True)
    summary = runner.summary(timeout_s=LONG_S / 2)
    assert summary["reason"] == "another_run"
    assert summary["explanation"] == f"workflow {workflow_id} is in run 2 now, and this runner belongs to run 1"
    assert processes_with(f"TORC_OUTPUT_DIR={tmp_path}/out") == []
    assert client.workflow_status(workflow_id).jobs_by_status[JobStatus.READY] == 1


class ResetAfterTheFirstClaim(TorcClient):
    """Begins another run when the runner has been given its jobs, and before it starts them."""

    has_reset = False

    def claim_jobs(self, workflow_id: int, *args: Any, **kwargs: Any) -> ClaimedJobs:
        answer = super().claim_jobs(workflow_id, *args, **kwargs)
        if answer.jobs and not self.has_reset:
            self.has_reset = True
            self.reset_workflow_status(workflow_id, force=True)
        return answer


def test_a_claim_that_cannot_start_in_the_present_run_is_given_back(server: ServerProcess, tmp_path: Path) -> None:
    with ResetAfterTheFirstClaim(server.transport()) as client:
        ran = run(client, create(client, "sleep 60"), tmp_path / "out")
        assert ran.summary.reason is ExitReason.ANOTHER_RUN
        assert ran.statuses() == {"job1": "ready"}


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_jobs_in_their_own_way_and_gives_claims_back(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path, signum: int
) -> None:
    graceful = "trap 'echo saved; exit 0' TERM; while :; do sleep 0.05; done"
    jobs = [job("a", ENDLESS), job("b", graceful), job("c", "sleep 60"), job("d", "sleep 60"), job("e", "sleep 60")]
    workflow_id = create(client, *jobs)
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id, 4)
    runner.signal(signum)
    assert runner.summary()["reason"] == "interrupted"
    statuses = {job.name: str(job.status) for job in client.jobs.list_all(workflow_id=workflow_id)}
    assert statuses == {"a": "terminated", "b": "completed", "c": "terminated", "d": "terminated", "e": "ready"}
    codes = {result.job_name: result.return_code for result in client.results.list_all(workflow_id=workflow_id)}
    assert codes == {"a": 3, "b": 0, "c": 143, "d": 143}


def test_the_second_signal_kills_at_once_and_results_are_still_recorded(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    # but for the second signal it would live on for an hour
    lead = {"sigterm_lead_seconds": 3600}
    workflow_id = create(client, "trap '' TERM; echo deaf; while :; do sleep 0.05; done", execution_config=lead)
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id)
    wait_until(lambda: [p for p in (tmp_path / "out").glob("job_stdio/*.o") if p.read_text()], "the job is deaf")
    runner.signal(signal.SIGINT)
    wait_until(lambda: "stop job" in next((tmp_path / "out").glob("job_runner*")).read_text(), "the first is obeyed")
    runner.signal(signal.SIGINT)
    assert runner.summary()["terminated"] == 1
    (result,) = client.results.list_all(workflow_id=workflow_id)
    assert (result.return_code, str(result.status)) == (137, "terminated")


def test_an_interrupted_runner_that_waits_leaves_at_once(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, "sleep 60", job("after", "true", depends_on=[0]))
    busy = start_runner(workflow_id, tmp_path / "a")
    until_running(client, workflow_id)
    idle = start_runner(workflow_id, tmp_path / "b", poll_interval_s=LONG_S)
    wait_until(
        lambda: len(client.compute_nodes.list_all(workflow_id=workflow_id, is_active=True)) == 2, "both registered"
    )
    idle.signal(signal.SIGINT)
    assert idle.summary(timeout_s=LONG_S / 2)["reason"] == "interrupted"
    busy.signal(signal.SIGINT)
    busy.summary()


def test_a_runner_waits_for_what_others_are_about_to_release(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = job("first", f"while [ ! -e {gate} ]; do sleep 0.05; done")
    jobs = [first, *[job(f"then{n}", "sleep 0.3", depends_on=[0]) for n in range(8)]]
    workflow_id = create(client, *jobs)
    one = start_runner(workflow_id, tmp_path / "a", num_cpus=1)
    until_running(client, workflow_id)
    two = start_runner(workflow_id, tmp_path / "b", num_cpus=1)
    wait_until(lambda: len(client.compute_nodes.list_all(workflow_id=workflow_id)) == 2, "the second runner is there")
    gate.touch()
    done = [runner.summary() for runner in (one, two)]
    assert sum(summary["completed"] for summary in done) == 9
    assert all(summary["completed"] >= 2 for summary in done)


def test_a_runner_waits_no_longer_than_the_workflow_says(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(
        client,
        "sleep 60",
        job("after", "true", depends_on=[0]),
        compute_node_wait_for_new_jobs_seconds=1,
    )
    busy = start_runner(workflow_id, tmp_path / "a")
    until_running(client, workflow_id)
    idle = start_runner(workflow_id, tmp_path / "b", poll_interval_s=30.0)
    assert idle.summary(timeout_s=15)["reason"] == "waited"
    busy.signal(signal.SIGINT)
    busy.summary()


def test_queued_jobs_that_cannot_start_here_go_to_another_runner(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    """Short jobs make the first runner claim ahead; the long ones it got must not wait for it alone."""
    short = [job(f"s{n}", "true", priority=1) for n in range(150)]
    long = [job(f"l{n}", "sleep 5") for n in range(6)]
    workflow_id = create(client, *short, *long)
    first = start_runner(workflow_id, tmp_path / "a", num_cpus=2)
    until_running(client, workflow_id, 2)
    wait_until(
        lambda: not client.jobs.list_all(workflow_id=workflow_id, status="pending"), "what was claimed ahead is free"
    )
    second = run(client, workflow_id, tmp_path / "b")
    assert second.summary.completed >= 2
    first.summary()


def test_the_server_away_for_too_long_ends_the_run_with_what_it_does_not_know(
    client: TorcClient, server: ServerProcess, tmp_path: Path
) -> None:
    workflow_id = create(client, "sleep 0.5", "sleep 60")
    threading.Timer(0.0, lambda: (until_running(client, workflow_id, 2), server.kill())).start()
    with pytest.raises(RunnerError, match=r"no answer from the server.*job1"):
        run(client, workflow_id, tmp_path / "out", wait_for_server_s=1.5)
    assert processes_with(f"TORC_OUTPUT_DIR={tmp_path}/out") == []


def test_jobs_go_on_while_the_server_restarts(client: TorcClient, server: ServerProcess, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    jobs = [job(f"j{n}", f"echo x >> {marks}; sleep 0.2") for n in range(12)]
    workflow_id = create(client, *jobs, needs=[ResourceRequirementsDraft(name="unused")])

    def restart() -> None:
        wait_until(lambda: marks.exists() and len(marks.read_text().split()) >= 2, "jobs have begun")
        server.kill()
        server.start()

    restarting = threading.Thread(target=restart)
    restarting.start()
    ran = run(client, workflow_id, tmp_path / "out")
    restarting.join()
    assert set(ran.statuses().values()) == {"completed"}
    assert len(marks.read_text().split()) == 12
