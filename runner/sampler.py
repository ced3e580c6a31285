"""Measures running jobs: memory and CPU time over each whole process tree."""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.launcher import ProcessTable, find_members, read_process_table
from runner.worker import Worker

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """The sum over the processes of one job at one moment of the monotonic clock."""

    key: int
    memory_bytes: int
    cpu_time_s: float
    at: float


class Sampler:
    """Reads /proc in a thread of its own; one pass measures all jobs that were asked for."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._asked: Mapping[int, tuple[int, int | None]] | None = None
        self._condition = threading.Condition()
        self._closing = False
        self._results: deque[list[Sample]] = deque()
        self.worker = Worker("sampler", self._work, wake=wake)

    def ask(self, jobs: Mapping[int, tuple[int, int | None]]) -> None:
        """Measures soon; `jobs` is key to process id and memory limit. A pass that has not begun is replaced."""
        with self._condition:
            self._asked = jobs
            self._condition.notify()

    def take(self) -> list[Sample]:
        """What was measured since the last call."""
        found: list[Sample] = []
        while self._results:
            found.extend(self._results.popleft())
        return found

    def close(self) -> None:
        with self._condition:
            self._closing = True
            self._condition.notify()

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._asked is not None or self._closing)
                asked, self._asked = self._asked, None
            if asked is None:
                return
            table = read_process_table()
            self._results.append([_measure(table, key, pid, limit) for key, (pid, limit) in asked.items()])
            self._wake()


def _measure(table: ProcessTable, key: int, leader: int, limit: int | None) -> Sample:
    members = find_members(table, leader)
    resident = sum(table[pid][4] for pid in members) * _PAGE_BYTES
    if limit is not None and resident > limit and len(members) > 1:
        # pages that forked processes share count once before anybody is accused
        resident = min(resident, sum(_proportional_bytes(pid, table[pid][4]) for pid in members))
    ticks = sum(table[pid][3] for pid in members)
    return Sample(key, resident, ticks / _TICKS_PER_S, time.monotonic())


def _proportional_bytes(pid: int, pages: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return pages * _PAGE_BYTES
