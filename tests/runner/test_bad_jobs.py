"""One bad job harms itself, and a short machine delays jobs: the others run as ever."""

import json
from pathlib import Path

import pytest
from helpers import ended, make_runner
from running import create, job, run

from runner.base.progress import Notice
from runner.process import launcher_process
from runner.process.launcher import Delayed, Ended, Started, Unstartable
from runner.process.local_launcher import LocalLauncher
from torc_client.http import TorcClient
from torc_core.api.drafts import ActionDraft
from torc_core.jobs.status import JobStatus

SHORT_SYSTEM = """
import errno, os, runpy
spawn, left = os.posix_spawn, [{times}]
def short_spawn(*arguments, **options):
    if left[0]:
        left[0] -= 1
        raise OSError({error}, os.strerror({error}))
    return spawn(*arguments, **options)
os.posix_spawn = short_spawn
runpy.run_path({program}, run_name="__main__")
"""


def shorten(monkeypatch: pytest.MonkeyPatch, folder: Path, *, times: int, error: str = "errno.EAGAIN") -> None:
    """Let the system refuse so many starts of a process in each launcher that is started from here on."""
    wrapper = folder / "short_system.py"
    wrapper.write_text(SHORT_SYSTEM.format(times=times, error=error, program=json.dumps(launcher_process.__file__)))
    monkeypatch.setattr(launcher_process, "__file__", str(wrapper))


def test_a_job_that_kills_the_launcher_again_and_again_harms_itself(client: TorcClient, tmp_path: Path) -> None:
    good = [job(f"good{number}", f"echo >> {tmp_path}/good{number}; sleep 0.3") for number in range(3)]
    bad = job("bad", f"while [ ! -s {tmp_path}/good2 ]; do sleep 0.05; done; kill -9 $PPID; sleep 9")
    ran = run(client, create(client, bad, *good, use_pending_failed=False), tmp_path / "out")
    assert ran.statuses() == {"bad": "failed"} | {f"good{number}": "completed" for number in range(3)}
    assert {name: found.infrastructure_faults or 0 for name, found in ran.jobs().items()}["bad"] == 5
    assert all((found.infrastructure_faults or 0) <= 1 for name, found in ran.jobs().items() if name != "bad")


def test_a_suspect_of_an_earlier_runner_runs_alone(client: TorcClient, tmp_path: Path) -> None:
    good = [job(f"good{number}", f"sleep 0.3; echo >> {tmp_path}/good{number}") for number in range(3)]
    alone = " && ".join(f"[ -s {tmp_path}/good{number} ]" for number in range(3))
    workflow_id = create(client, job("bad", alone), *good, use_pending_failed=False)
    runner_id = make_runner(client, workflow_id)
    (claimed,) = client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner_id).jobs
    lost = ended(claimed.id or 0, workflow_id=workflow_id, runner_id=runner_id, status=JobStatus.FAILED)
    lost.infrastructure_fault = True
    assert client.complete_jobs(workflow_id, [lost]).retried == [claimed.id]
    ran = run(client, workflow_id, tmp_path / "out", num_cpus=4)
    assert set(ran.statuses().values()) == {"completed"}


def test_a_launcher_that_is_lost_during_a_recovery_script_is_no_failure_of_the_job(
    client: TorcClient, tmp_path: Path
) -> None:
    script = (
        f"echo >> {tmp_path}/scripts; [ -e {tmp_path}/lost ] || {{ touch {tmp_path}/lost; kill -9 $PPID; sleep 9; }}"
    )
    rules = [{"exit_codes": [10], "recovery_script": script, "max_retries": 2}]
    command = f"[ $(wc -l < {tmp_path}/scripts) -ge 2 ] || exit 10"
    (tmp_path / "scripts").touch()
    jobs = [job("flaky", command, failure_handler=0), job("after", "true", depends_on=[0])]
    ran = run(client, create(client, *jobs, rules=rules, use_pending_failed=False), tmp_path / "out")
    assert ran.statuses() == {"flaky": "completed", "after": "completed"}
    assert ran.jobs()["flaky"].infrastructure_faults == 1


def test_the_kernel_kills_a_job_rather_than_its_launcher(client: TorcClient, tmp_path: Path) -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text())
    if own >= 1000:
        pytest.skip("nothing can be killed more readily than these tests")
    until_set = f'while [ "$(cat /proc/$$/oom_score_adj)" = {own} ]; do :; done'
    show = "cat /proc/$$/oom_score_adj /proc/$PPID/oom_score_adj"
    ran = run(client, create(client, f"{until_set}; {show}"), tmp_path / "out")
    jobs_score, launchers_score = map(int, ran.log("job1").split())
    assert jobs_score > launchers_score == own


@pytest.mark.parametrize("error", ["errno.EAGAIN", "errno.ENOMEM", "errno.EMFILE"])
def test_jobs_that_cannot_be_started_for_a_shortage_are_started_later(
    client: TorcClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    shorten(monkeypatch, tmp_path, times=3, error=error)
    ran = run(client, create(client, *["true"] * 12), tmp_path / "out")
    assert ran.summary.completed == 12
    assert {result.return_code for result in client.results.list_all(workflow_id=ran.workflow_id)} == {0}
    notices = [str(event.text) for event in ran.events if isinstance(event, Notice)]
    assert len(notices) == 1
    assert "it is tried again" in str(notices[0])


def test_a_delayed_job_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch, tmp_path, times=1_000_000)
    launcher = LocalLauncher({"PATH": "/usr/bin:/bin"})
    try:
        launcher.run(1, "true", env={}, stdout=None, stderr=None)
        launcher.stop(1, 15, lead_s=0.0)
        launcher.flush()
        events = launcher.events()
        while len(events) < 2:
            events += launcher.events()
    finally:
        launcher.close()
    assert events == [
        Delayed(1, "Resource temporarily unavailable"),
        Unstartable(1, "it was stopped before it could be started"),
    ]


def test_delayed_jobs_start_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch, tmp_path, times=2)
    launcher = LocalLauncher({"PATH": "/usr/bin:/bin"})
    events = []
    try:
        for key in range(1, 6):
            launcher.run(key, "true", env={}, stdout=None, stderr=None)
        launcher.flush()
        while len([event for event in events if isinstance(event, Ended)]) < 5:
            events += launcher.events()
    finally:
        launcher.close()
    assert [event.key for event in events if isinstance(event, Started)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("retry", "outcome", "times"), [(True, "succeeded", 2), (False, "unknown", 1)])
def test_a_command_of_an_action_that_was_lost_with_the_launcher_is_run_again_unless_it_must_not_be(
    client: TorcClient, tmp_path: Path, retry: bool, outcome: str, times: int
) -> None:
    line = f"echo >> {tmp_path}/ran; [ -e {tmp_path}/lost ] || {{ touch {tmp_path}/lost; kill -9 $PPID; sleep 9; }}"
    action = ActionDraft(
        trigger_type="on_workflow_start",
        action_type="run_commands",
        action_config={"commands": [line]},
        retry=retry,
    )
    ran = run(client, create(client, "true", draft={"actions": [action]}), tmp_path / "out")
    assert ran.statuses() == {"job1": "completed"}
    assert len((tmp_path / "ran").read_text()) == times
    assert [found.outcome for found in client.actions(ran.workflow_id)] == [outcome]
