"""A thread that measures running jobs: memory, CPU time, processes and I/O over each whole process tree."""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.base.threads import LoopThread
from runner.monitoring.process_tree import Tree, find_first_of_steps, find_members_of_all
from runner.monitoring.series import SeriesFile, SeriesJob, SeriesRow
from runner.process.launcher_process import ProcessTable, read_process_table

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_SHORTEST_SPAN_S: Final = 0.1
"""CPU time is counted in hundredths of a second: a share of less time than this would be noise."""
_LAST_FLUSH_S: Final = 10.0


@dataclass(slots=True)
class Target:
    """A job to be measured; `cpu_time_s` and `at` are of its latest measurement. Only the sampler changes it."""

    key: int
    tree: Tree
    job: SeriesJob
    at: float
    cpu_time_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The sum over the processes of one job at one moment of the monotonic clock; CPU in percent of one core."""

    key: int
    memory_bytes: int
    cpu_time_s: float
    cpu_percent: float
    num_processes: int
    at: float


class Sampler:
    """Reads /proc in a thread of its own; one pass measures all jobs that were asked for.

    With a `series` file what is measured is written there too.
    """

    def __init__(self, wake: Callable[[], None], *, series: SeriesFile | None = None) -> None:
        self._wake = wake
        self._series = series
        self._asked: Sequence[Target] | None = None
        # the request and `_closing` change under it: a thread that has just looked would sleep on a change it missed
        self._condition = threading.Condition()
        self._closing = False
        self._results: deque[list[Sample]] = deque()
        self.thread = LoopThread("sampler", self._work, wake=wake, may_end=lambda: self._closing)

    @property
    def problem(self) -> str | None:
        """Return why the series is not written any more."""
        return self._series.problem if self._series is not None else None

    def ask(self, targets: Sequence[Target]) -> None:
        """Measure these targets soon; a pass that has not begun is replaced."""
        with self._condition:
            self._asked = targets
            self._condition.notify()

    def take(self) -> list[Sample]:
        """Return what was measured since the last call."""
        samples: list[Sample] = []
        while self._results:
            samples.extend(self._results.popleft())
        return samples

    def close(self) -> None:
        """Ask the thread to end; the series is complete when this returns."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        if self._series is not None:
            self.thread.join(_LAST_FLUSH_S)

    def _work(self) -> None:
        series = self._series
        while True:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._asked is not None or self._closing,
                    timeout=series.left_s() if series is not None else None,
                )
                asked, self._asked = self._asked, None
            if asked:
                self._measure(asked)
            elif series is not None:
                series.flush()
            if self._closing:
                break
        if series is not None:
            series.close()

    def _measure(self, targets: Sequence[Target]) -> None:
        table = read_process_table()
        now, second = time.monotonic(), int(time.time())
        find_first_of_steps(table, [target.tree for target in targets], _environment)
        trees = find_members_of_all(table, [target.tree for target in targets])
        samples: list[Sample] = []
        rows: list[SeriesRow] = []
        for target, (_, members) in zip(targets, trees, strict=True):
            if not members:
                continue
            sample = _sum_up(table, target, members, now)
            samples.append(sample)
            if self._series is not None:
                rows.append(_as_row(sample, target.job, members, second))
        if self._series is not None:
            self._series.add(rows)
        self._results.append(samples)
        self._wake()


def _sum_up(table: ProcessTable, target: Target, members: Sequence[int], now: float) -> Sample:
    resident = sum(table[pid][4] for pid in members) * _PAGE_BYTES
    limit = target.job.memory_limit_bytes
    if limit is not None and resident > limit and len(members) > 1:
        # count pages that forked processes share once, or a job would be killed for memory it does not hold
        resident = min(resident, sum(_proportional_bytes(pid, table[pid][4]) for pid in members))
    cpu_time_s = sum(table[pid][3] for pid in members) / _TICKS_PER_S
    percent = 100 * max(0.0, cpu_time_s - target.cpu_time_s) / max(now - target.at, _SHORTEST_SPAN_S)
    target.cpu_time_s, target.at = cpu_time_s, now
    return Sample(target.key, resident, cpu_time_s, percent, len(members), now)


def _as_row(sample: Sample, job: SeriesJob, members: Iterable[int], second: int) -> SeriesRow:
    moved = [counts for pid in members if (counts := _io_bytes(pid)) is not None]
    return SeriesRow(
        job=job,
        timestamp=second,
        cpu_percent=sample.cpu_percent,
        memory_bytes=sample.memory_bytes,
        num_processes=sample.num_processes,
        read_bytes=sum(read for read, _ in moved) if moved else None,
        write_bytes=sum(written for _, written in moved) if moved else None,
    )


def _proportional_bytes(pid: int, pages: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return pages * _PAGE_BYTES


def _environment(pid: int) -> bytes:
    """Return the environment that the process began with; empty where it is gone or another user's."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _io_bytes(pid: int) -> tuple[int, int] | None:
    """Return the bytes read from and written to storage by the process and the children it waited for."""
    try:
        fd = os.open(f"/proc/{pid}/io", os.O_RDONLY)
        try:
            words = os.read(fd, 4096).split()
        finally:
            os.close(fd)
        return int(words[words.index(b"read_bytes:") + 1]), int(words[words.index(b"write_bytes:") + 1])
    except (OSError, ValueError):
        return None
