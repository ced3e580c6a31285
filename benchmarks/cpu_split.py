"""The CPU time of a run, split into server, runner, launcher and jobs."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_EVERY_S: Final = 0.02
_NAMES: Final = {"torc_server.main": "server", "launcher_process.py": "launcher"}
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class CpuSplit:
    """Reads /proc while a command runs: what a process has used is gone with it.

    The command itself is the runner; its server and its launcher are found by command line, and the jobs are what
    the launcher has waited for. What they use after the last look, at most 20 ms of each, is missing.
    """

    def __init__(self, pid: int) -> None:
        self.seconds: dict[str, float] = {}
        self._pid = pid
        self._names = {pid: "runner"}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> Mapping[str, float]:
        """Return the CPU seconds of each part."""
        self._over.set()
        self._thread.join()
        return self.seconds

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            if len(self._names) <= len(_NAMES):
                self._look_for_parts()
            for pid, name in self._names.items():
                self._read(pid, name)

    def _look_for_parts(self) -> None:
        for child in _read_text(f"/proc/{self._pid}/task/{self._pid}/children").split():
            line = _read_text(f"/proc/{child}/cmdline")
            self._names.update({int(child): name for words, name in _NAMES.items() if words in line})

    def _read(self, pid: int, name: str) -> None:
        fields = _read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if not fields:
            return
        own, waited_for = (int(fields[11]) + int(fields[12])) / _TICKS, (int(fields[13]) + int(fields[14])) / _TICKS
        self.seconds[name] = max(own, self.seconds.get(name, 0.0))
        if name == "launcher":
            self.seconds["jobs"] = max(waited_for, self.seconds.get("jobs", 0.0))


def _read_text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
