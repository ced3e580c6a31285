"""The identity of real processes."""

import os
import signal
import subprocess
from pathlib import Path

from torc_client.recovery.orphans import host_facts, process_identity


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
