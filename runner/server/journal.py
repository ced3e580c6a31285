"""The journal of a runner: ended attempts in a file of the output directory until the server has them.

The first line names the workflow, each further line is one attempt's report. A runner that is killed while the server
is away leaves the file, and whoever comes next delivers it (see `delivery`). The living runner holds a lock on it.
"""

import fcntl
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from torc_core.api.jobs import CompleteJobsRequest, JobCompletion
from torc_core.api.workflows import WorkflowModel

_MODE: Final = 0o600
"""Reports hold excerpts of the jobs' output."""


class Undelivered(CompleteJobsRequest):
    """Results of one runner. The timestamp distinguishes workflows of the same id on different servers."""

    workflow_timestamp: str | None


class _Header(BaseModel):
    workflow_timestamp: str | None


class Journal:
    """Used by several threads. A journal that cannot be written harms no run: `problem` has the reason."""

    def __init__(self, path: Path, workflow: WorkflowModel) -> None:
        self.path = path
        self.problem: str | None = None
        self._header = _Header(workflow_timestamp=workflow.timestamp).model_dump_json()
        # the reporter, the journal thread and the watchdog write: without it, one could write into a file that another
        # has just replaced, and the reports would be lost
        self._lock = threading.Lock()
        self._fd: int | None = None
        self.size = 0

    def append(self, completions: Sequence[JobCompletion]) -> None:
        """Add reports. They survive the end of this process from here on, and that of the machine after `sync`."""
        with self._lock:
            try:
                if self._fd is None:
                    self._fd = _open(self.path)
                self.size += self._write(self._fd, completions, is_new=not self.size)
                self.problem = None
            except OSError as error:
                self._note(error)

    def replace(self, completions: Sequence[JobCompletion]) -> None:
        """Let the journal hold these reports alone, on the disk. At every moment the file is the old or the new one."""
        unfinished = self.path.with_suffix(".tmp")
        with self._lock:
            try:
                fd = _open(unfinished)
            except OSError as error:
                self._note(error)
                return
            try:
                size = self._write(fd, completions, is_new=True)
                os.fdatasync(fd)
                # after the sync: a crash of the machine in between would leave an empty file under the name
                unfinished.replace(self.path)
            except OSError as error:
                self._note(error)
                os.close(fd)
                with suppress(OSError):
                    unfinished.unlink()
                return
            if self._fd is not None:
                os.close(self._fd)
            self._fd, self.size, self.problem = fd, size, None

    def sync(self) -> None:
        """Write what was added to the disk.

        Without the lock: on a slow disk, the reporter and with it the loop would stand still for as long.
        """
        try:
            with self._lock:
                # a descriptor of its own: another thread may close the journal's, and the kernel give its number away
                fd = None if self._fd is None else os.dup(self._fd)
            if fd is not None:
                try:
                    os.fdatasync(fd)
                finally:
                    os.close(fd)
        except OSError as error:
            self._note(error)

    def clear(self) -> None:
        """Drop all reports: the server has them."""
        with self._lock:
            self._truncate()

    def close(self) -> None:
        """Release the lock; the file stays if it holds reports."""
        with self._lock:
            if self._fd is None:
                return
            if not self.size:
                # before the lock is released: another runner may read an empty file, but not one that vanishes
                with suppress(OSError):
                    self.path.unlink()
            os.close(self._fd)
            self._fd = None

    def _write(self, fd: int, completions: Sequence[JobCompletion], *, is_new: bool) -> int:
        """Return the number of bytes written. Raises OSError."""
        lines = [completion.model_dump_json() for completion in completions]
        data = "".join(f"{line}\n" for line in ([self._header, *lines] if is_new else lines)).encode()
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        return len(data)

    def _truncate(self) -> None:
        if self._fd is not None and self.size:
            try:
                os.ftruncate(self._fd, 0)
                self.size = 0
            except OSError as error:
                self._note(error)

    def _note(self, error: OSError) -> None:
        self.problem = error.strerror or str(error)


def _open(path: Path) -> int:
    """Return a descriptor of a new file that is locked. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, _MODE)
    try:
        # for as long as this runner lives: without it, another runner would deliver reports that are still sent here
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


def read_journal(path: Path) -> Undelivered | None:
    """Return the reports in a journal that no living runner holds; None for one that is held.

    A last line that is cut off is left out: its runner died while it wrote. Raises OSError, and ValueError for a file
    that is no journal.
    """
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        text = file.read()
    if path.suffix == ".json":
        return Undelivered.model_validate_json(text)
    if not text:
        return Undelivered(workflow_timestamp=None, completions=[])
    header, *lines = text.split(b"\n")
    if lines:
        lines.pop()  # what follows the last line end: nothing, or a line that is cut off
    completions = [JobCompletion.model_validate_json(line) for line in lines]
    timestamp = _Header.model_validate_json(header).workflow_timestamp
    return Undelivered(workflow_timestamp=timestamp, completions=completions)
