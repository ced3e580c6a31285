"""Kills by the kernel for lack of memory, seen in the counter of the runner's own control group.

A job that is over its own limit is found by the monitor. But the kernel also kills when the machine or the
allocation is full, and then it often takes a child: the shell of the job only says 137. The counter tells such an
end from any other kill. Jobs run in the runner's control group, so one counter serves them all.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

OOM_CODE: Final = 137
"""The return code of a process that was killed by SIGKILL, as shells and the runner report it."""
_ROOT: Final = Path("/sys/fs/cgroup")
_MEMBERSHIP: Final = Path("/proc/self/cgroup")


def find_counter(membership: str, root: Path = _ROOT) -> Path | None:
    """Return the file that counts kills of the control groups in `membership` (the text of /proc/self/cgroup).

    None where there is none that may be read.
    """
    return next((path for path in _candidates(membership, root) if _read_total(path) is not None), None)


def read_total(text: str) -> int | None:
    """Return the kills counted in memory.events (version 2) or memory.oom_control (version 1); None without a count."""
    for line in text.splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill" and count.strip().isdigit():
            return int(count)
    return None


def is_oom_kill(return_code: int, *, open_before: int, open_now: int) -> bool:
    """Return whether an attempt was killed for memory: by SIGKILL, and a kill since its start has no other victim.

    `open` is the number of kills that the end of no attempt explains: when it began, and now that it ended.
    """
    return return_code == OOM_CODE and open_now > open_before


class OomKills:
    """The kernel's kills, each explained by the end of at most one attempt. Without a counter there are none."""

    def __init__(self, counter: Path | None) -> None:
        self._counter = counter
        self._explained = 0

    @classmethod
    def of_this_process(cls) -> "OomKills":
        try:
            return cls(find_counter(_MEMBERSHIP.read_text()))
        except OSError:
            return cls(None)

    def open(self) -> int:
        """Return the number of kills that the end of no attempt explains yet."""
        total = None if self._counter is None else _read_total(self._counter)
        return (total or 0) - self._explained

    def explains(self, return_code: int, *, open_before: int) -> bool:
        """Return whether this attempt was killed for memory; the kill that explains its end explains no other."""
        if return_code != OOM_CODE or not is_oom_kill(return_code, open_before=open_before, open_now=self.open()):
            return False
        self._explained += 1
        return True


def _candidates(membership: str, root: Path) -> Iterator[Path]:
    """Yield the files that may hold the counter.

    Inside a container the paths count from another place: then the mount itself is the group.
    """
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            bases, name = [root, root / "unified"], "memory.events"
        elif "memory" in controllers.split(","):
            bases, name = [root / "memory"], "memory.oom_control"
        else:
            continue
        for base in bases:
            yield base / path.strip("/") / name
            yield base / name


def _read_total(path: Path) -> int | None:
    """Return the count in the file. Read before every start, so without the cost of a text file."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return read_total(os.read(fd, 4096).decode())
    except OSError:
        return None
    finally:
        os.close(fd)
