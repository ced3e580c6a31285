"""The runner's own log file: one line for each thing it did."""

import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from torc_client.private_files import open_for_appending
from torc_core.hints import Line
from torc_core.times import rfc3339


class RunnerLog:
    """Appends lines with a UTC time; written out by `flush`. A log that cannot be written is no error."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # threads write while the loop flushes: a line that came between reading and emptying the list would be lost
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._file: IO[str] | None = None

    def write(self, text: Line) -> None:
        time = rfc3339(datetime.now(UTC))
        with self._lock:
            self._lines.append(f"{time} {text}\n")

    def flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        if lines:
            with suppress(OSError):
                if self._file is None:
                    self._file = open_for_appending(self.path)
                self._file.writelines(lines)
                self._file.flush()

    def close(self) -> None:
        self.flush()
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
