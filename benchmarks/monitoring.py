"""Measures the cost of watching jobs: CPU time of the sampler's passes and of its file, for many running jobs.

    python -m benchmarks.monitoring [--jobs 200] [--passes 20] [--processes 2]

Each job is a real process group: a shell and its children. A pass reads /proc once for all jobs; the share of one
core is the CPU time of a pass divided by the interval. Nothing is asserted: the figures depend on the machine.
"""

import argparse
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.common import machine, print_table
from runner.monitoring.process_tree import Tree, find_members_of_all
from runner.monitoring.sampler import Sampler, Target
from runner.monitoring.series import SeriesFile, SeriesJob
from runner.process.launcher_process import read_process_table

INTERVAL_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2, help="of each job")
    parser.add_argument("--passes", type=int, default=20)
    chosen = parser.parse_args()
    rows: list[list[str]] = []
    for count in sorted({chosen.jobs // 4, chosen.jobs}):
        with _running(count, chosen.processes) as leaders:
            rows += [_measure(leaders, chosen.passes, series) for series in (False, True)]
    print(machine())
    print_table(
        f"Cost of sampling, {chosen.processes} processes a job, a pass each {INTERVAL_S:g} s",
        ("jobs", "processes on the machine", "granularity", "CPU ms a pass", "share of a core"),
        rows,
    )


def _measure(leaders: Sequence[int], passes: int, series: bool) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = SeriesFile(Path(folder) / "series.db") if series else None
        passed = threading.Event()
        sampler = Sampler(passed.set, series=file)
        targets = [_target(number, leader) for number, leader in enumerate(leaders, start=1)]
        before = time.process_time()
        for _ in range(passes):
            passed.clear()
            sampler.ask(targets)
            passed.wait()
            assert len(sampler.take()) == len(leaders)
        sampler.close()
        cpu_s = (time.process_time() - before) / passes
    return [
        str(len(leaders)),
        str(len(read_process_table())),
        "time_series" if series else "summary",
        f"{cpu_s * 1000:.1f}",
        f"{cpu_s / INTERVAL_S:.1%}",
    ]


def _target(number: int, leader: int) -> Target:
    job = SeriesJob(
        job_id=number, attempt_id=1, name=f"j{number}", num_cpus=1, memory_limit_bytes=1 << 30, runtime_limit_s=None
    )
    return Target(key=number, tree=Tree(leader), job=job, at=time.monotonic())


@contextmanager
def _running(count: int, processes: int) -> Iterator[list[int]]:
    """Yield the first processes of so many jobs, each in a session of its own, with their children at work."""
    line = "sleep 600 & " * (processes - 1) + "wait"
    jobs = [subprocess.Popen(["bash", "-c", line], start_new_session=True) for _ in range(count)]
    leaders = [job.pid for job in jobs]
    try:
        while any(len(found) < processes for _, found in find_members_of_all(read_process_table(), map(Tree, leaders))):
            time.sleep(0.05)
        yield leaders
    finally:
        subprocess.run(["bash", "-c", "".join(f"kill -KILL -- -{pid};" for pid in leaders)], check=False)
        for job in jobs:
            job.wait()


if __name__ == "__main__":
    main()
