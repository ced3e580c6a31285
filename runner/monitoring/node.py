"""Measures a whole machine over time, where no runner measures jobs."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil

from runner.monitoring.series import SeriesFile, SeriesJob, SeriesRow

NODE_ID: Final = 0
"""The id under which a file of samples holds the machine: no job has it."""


@dataclass(slots=True)
class NodeSummary:
    """Peaks and averages so far; CPU in percent of one core."""

    hostname: str
    num_cpus: int
    total_memory_bytes: int
    sample_count: int = 0
    peak_cpu_percent: float = 0.0
    avg_cpu_percent: float = 0.0
    peak_memory_bytes: int = 0
    avg_memory_bytes: float = 0.0

    def add(self, cpu_percent: float, memory_bytes: int) -> None:
        self.sample_count += 1
        self.peak_cpu_percent = max(self.peak_cpu_percent, cpu_percent)
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory_bytes)
        self.avg_cpu_percent += (cpu_percent - self.avg_cpu_percent) / self.sample_count
        self.avg_memory_bytes += (memory_bytes - self.avg_memory_bytes) / self.sample_count


def monitor_node(
    hostname: str,
    *,
    interval_s: float,
    series: SeriesFile | None,
    wait: Callable[[float], bool],
    duration_s: float | None = None,
) -> NodeSummary:
    """Take samples until `wait(seconds)` returns True or `duration_s` is over; return what they sum up to.

    `series` gets every sample, as those of a job with the id 0: what draws jobs over time draws the machine, too.
    """
    num_cpus = psutil.cpu_count() or 1
    summary = NodeSummary(hostname, num_cpus, psutil.virtual_memory().total)
    node = SeriesJob(
        job_id=NODE_ID,
        attempt_id=1,
        name=f"node {hostname}",
        num_cpus=num_cpus,
        memory_limit_bytes=summary.total_memory_bytes,
        runtime_limit_s=None,
    )
    psutil.cpu_percent()  # the first call has nothing to compare with
    end = math.inf if duration_s is None else time.monotonic() + duration_s
    is_over = False
    while not is_over:
        is_over = wait(max(0.0, min(interval_s, end - time.monotonic()))) or time.monotonic() >= end
        memory = psutil.virtual_memory()
        cpu_percent, used = psutil.cpu_percent() * num_cpus, memory.total - memory.available
        summary.add(cpu_percent, used)
        if series is not None:
            series.add(
                [
                    SeriesRow(
                        job=node,
                        timestamp=round(time.time()),
                        cpu_percent=cpu_percent,
                        memory_bytes=used,
                        num_processes=len(psutil.pids()),
                        read_bytes=None,
                        write_bytes=None,
                    )
                ]
            )
    return summary
