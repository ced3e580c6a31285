"""The identity of real processes."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from torc_client.processes import RUNNER_VARIABLE, host_facts, kill_tagged, process_identity


def test_this_process_keeps_its_identity() -> None:
    mine = process_identity(os.getpid())
    assert mine is not None
    assert mine == process_identity(os.getpid())
    assert mine.boot_id == host_facts().boot_id


def test_a_dead_process_has_none_even_before_it_is_reaped() -> None:
    child = subprocess.Popen(["sleep", "60"])
    assert process_identity(child.pid) is not None
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{child.pid}").exists()
    assert process_identity(child.pid) is None
    child.wait()
    assert process_identity(child.pid) is None


def test_marked_processes_are_killed_by_a_handle_and_never_by_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number may be another process's by the time it is used."""
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("killed by number"))
    marked, other = (
        subprocess.Popen(["sleep", "60"], env={**os.environ, RUNNER_VARIABLE: name}) for name in ("7.1", "7.12")
    )
    kill_tagged({"7.1"})
    assert marked.wait(10) == -signal.SIGKILL
    assert other.poll() is None
    monkeypatch.undo()
    other.terminate()
    other.wait()
