"""A run never hangs in silence: it says that nothing moves, and ends when it is asked to."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import wait_until
from running import StartRunner, create, until_running

from runner.watchdog import LoopWatch, StallWatch
from torc_client.http import TorcClient

ENDLESS = "while :; do sleep 0.05; done"


def launcher_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    (launcher,) = [child for child in children if "launcher_process.py" in Path(f"/proc/{child}/cmdline").read_text()]
    return int(launcher)


def test_the_second_sigterm_ends_a_runner_whose_launcher_hangs(
    client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, ENDLESS)
    runner = start_runner(workflow_id, tmp_path / "out")
    until_running(client, workflow_id)
    launcher = launcher_of(runner.process.pid)
    os.kill(launcher, signal.SIGSTOP)
    try:
        runner.signal(signal.SIGTERM)
        wait_until(lambda: "SIGTERM: stopping" in runner.errors.read_text(), "the first signal is obeyed")
        runner.signal(signal.SIGTERM)
        runner.process.communicate(timeout=60.0)
    finally:
        os.kill(launcher, signal.SIGCONT)
    assert runner.process.returncode == 128 + signal.SIGTERM
    assert "did not end in time" in runner.errors.read_text()


def test_a_stall_is_reported_once_until_something_moves() -> None:
    stalled_s = 10.0
    watch = StallWatch(lambda: stalled_s, "nothing moved for {seconds}", after_s=60.0)
    assert watch.look() is None
    stalled_s = 61.0
    assert watch.look() == "nothing moved for 61 s"
    assert watch.look() is None
    assert watch.next_look() is None
    stalled_s = 0.0
    assert watch.look() is None
    stalled_s = 75.0
    assert "75 s" in (watch.look() or "")


def test_a_step_of_the_loop_that_does_not_end_is_printed_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []

    def lines() -> list[str]:
        printed.extend(capsys.readouterr().err.splitlines())
        return printed

    watch = LoopWatch(tmp_path / "log", after_s=0.05)
    try:
        watch.begin_step()
        wait_until(lines, "the step is reported")
        watch.end_step()
        watch.begin_step()
        wait_until(lambda: len(lines()) == 2, "the next step is reported too")
    finally:
        watch.close()
    assert all("the runner's loop has not moved" in line for line in printed)
    assert "test_a_step_of_the_loop" in (tmp_path / "log").read_text()


def test_a_disk_that_does_not_answer_does_not_keep_a_stuck_runner_alive(tmp_path: Path) -> None:
    program = (
        "import threading, pathlib, sys; from runner.watchdog import ExitGuard; never = threading.Event();"
        "guard = ExitGuard(lead_s=0.0, log=pathlib.Path(sys.argv[1]), before_exit=never.wait, first_grace_s=0.0,"
        " keeping_s=0.1); guard.note_signal(15); never.wait()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "log")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.returncode == 128 + signal.SIGTERM
    assert "did not end in time" in ended.stderr
