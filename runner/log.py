"""The runner's own log file: one line for each thing it did."""

import threading
from datetime import UTC, datetime
from pathlib import Path


class RunnerLog:
    """Appends lines with a UTC time; written out by `flush`. A log that cannot be written stops nobody."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._lines: list[str] = []

    def write(self, text: str) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._lock:
            self._lines.append(f"{time} {text}\n")

    def flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        if lines:
            try:
                with self.path.open("a", encoding="utf-8", errors="replace") as file:
                    file.writelines(lines)
            except OSError:
                return
