"""A run on a saturated machine ends: the launcher, the disk and the processors are slow, and nobody waits for ever."""

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import create, run

from runner.base.log import RunnerLog
from runner.process import launcher_process
from runner.server.journal import Journal
from torc_client.http import TorcClient

JOBS = 300
BUSY_LOOPS = 2 * (os.cpu_count() or 1)
SLOW_LAUNCHER = """
import os, random, runpy, time
write, draw = os.write, random.Random({seed})
def slow_write(fd, data):
    # events of the launcher arrive late, also later than the pace of the reports
    time.sleep(draw.choice((0.0, 0.0, 0.02, 0.15)))
    return write(fd, data)
os.write = slow_write
runpy.run_path({program}, run_name="__main__")
"""


@pytest.fixture
def busy_loops() -> Iterator[None]:
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(BUSY_LOOPS)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.mark.parametrize("seed", [1, 2])
def test_each_run_of_many_short_jobs_ends(
    client: TorcClient, busy_loops: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    wrapper = tmp_path / "slow_launcher.py"
    wrapper.write_text(SLOW_LAUNCHER.format(seed=seed, program=json.dumps(launcher_process.__file__)))
    monkeypatch.setattr(launcher_process, "__file__", str(wrapper))
    draw = random.Random(seed)
    flush, append, sync = RunnerLog.flush, Journal.append, Journal.sync

    def wait_for_the_disk() -> None:
        time.sleep(draw.choice((0.0, 0.0, 0.01, 0.05)))

    monkeypatch.setattr(RunnerLog, "flush", lambda log: (wait_for_the_disk(), flush(log))[1])
    monkeypatch.setattr(Journal, "append", lambda journal, ends: (wait_for_the_disk(), append(journal, ends))[1])
    monkeypatch.setattr(Journal, "sync", lambda journal: (wait_for_the_disk(), sync(journal))[1])
    ran = run(client, create(client, *["true"] * JOBS), tmp_path / "out", poll_interval_s=0.2)
    assert ran.summary.completed == JOBS
    assert set(ran.statuses().values()) == {"completed"}
