"""Files that runners left where this server can read them: the logs of an attempt, and what it used over time."""

import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from torc_core.evidence.cleaning import clean_text
from torc_core.evidence.redaction import redact_secrets
from torc_core.slurm.steps import AttemptStep

_TAIL_BYTES: Final = 32 * 1024
_ENDINGS: Final = (
    (".o", "stdout"),
    (".e", "stderr"),
    (".log", "stdout and stderr"),
    ("_recovery.log", "recovery script"),
)
_MOST_SAMPLES: Final = 400
_MOST_FILES: Final = 20
_MOST_STEPS: Final = 2_000
"""Of a thousand operations of SQLite each. The files lie where jobs can write: one may hold a view that never ends."""


@dataclass(frozen=True)
class ShownLog:
    """The end of a log: untrusted text, cleaned and without credentials. `is_cut` when something stands before it."""

    label: str
    path: str
    text: str
    is_cut: bool


class UseSample(NamedTuple):
    """What the job used at one moment."""

    timestamp: int
    memory_bytes: int
    cpu_percent: float


def read_logs(output_dir: Path, attempt: AttemptStep) -> list[ShownLog]:
    """Return the ends of the attempt's logs that can be read here; only plain files of the server's own user."""
    logs = []
    for ending, label in _ENDINGS:
        path = output_dir / "job_stdio" / f"job_{attempt}{ending}"
        found = _read_end(path)
        if found is not None and found[0].strip():
            logs.append(ShownLog(label, str(path), redact_secrets(clean_text(found[0])), found[1]))
    return logs


def read_series(output_dir: Path, attempt: AttemptStep) -> Sequence[UseSample]:
    """Return what the attempt used over time, thinned to a few hundred samples; nothing where no runner kept it."""
    folder = output_dir / "resource_utilization"
    pattern = f"resource_metrics_wf{attempt.workflow_id}_*_r{attempt.run_id}.db"
    for path in sorted(folder.glob(pattern))[:_MOST_FILES]:
        if _is_own(path):
            with suppress(sqlite3.Error):
                samples = _samples(path, attempt)
                if samples:
                    return samples[:: max(len(samples) // _MOST_SAMPLES, 1)]
    return ()


def _samples(path: Path, attempt: AttemptStep) -> Sequence[UseSample]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.5)) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        steps = iter(range(_MOST_STEPS))
        connection.set_progress_handler(lambda: next(steps, None) is None, 1000)
        rows = connection.execute(
            "SELECT timestamp, memory_bytes, cpu_percent FROM job_resource_samples "
            "WHERE job_id = ? AND COALESCE(attempt_id, ?) = ? ORDER BY timestamp LIMIT 100000",
            (attempt.job_id, attempt.attempt_id, attempt.attempt_id),
        )
        return [UseSample(int(row[0]), int(row[1]), float(row[2])) for row in rows]


def _read_end(path: Path) -> tuple[str, bool] | None:
    """Return the end of the file and whether it was cut, None for what is no plain file of this user."""
    with suppress(OSError):
        # never through a link, and never waiting for a pipe: jobs can put either in the place of a log
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
                return None
            file.seek(max(facts.st_size - _TAIL_BYTES, 0))
            return file.read(_TAIL_BYTES).decode("utf-8", "replace"), facts.st_size > _TAIL_BYTES
    return None


def _is_own(path: Path) -> bool:
    with suppress(OSError):
        facts = path.lstat()
        return stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid()
    return False
