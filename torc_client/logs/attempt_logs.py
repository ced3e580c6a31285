"""Finds the log files of attempts, and reads their ends within bounds."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torc_core.api.nodes import ComputeNodeModel
from torc_core.slurm.steps import AttemptStep

JOB_STDIO: Final = "job_stdio"
"""Folder of the jobs' logs in the output directory."""

OUTPUT_DIR_FACT: Final = "output_dir"
"""Key of the output directory among the facts that a runner registers with its compute node."""

DEFAULT_TAIL_BYTES: Final = 64 * 1024
MAX_TAIL_BYTES: Final = 4 * 1024 * 1024
"""Bound where a number of lines was asked for."""


@dataclass(frozen=True, order=True)
class AttemptId:
    """One attempt of one job; attempts of later runs are greater."""

    run_id: int
    attempt_id: int


@dataclass(frozen=True, kw_only=True)
class Tail:
    """The end of a text file; `is_cut` when something stands before it."""

    path: Path
    text: str
    is_cut: bool


@dataclass(frozen=True, kw_only=True)
class AttemptLogs:
    """The logs of one attempt. With combined output both stand in `stdout`."""

    attempt: AttemptId
    stdout: Tail | None = None
    stderr: Tail | None = None
    recovery: Tail | None = None
    """What the recovery script printed, where one ran."""


def log_stem(workflow_id: int, job_id: int, attempt: AttemptId) -> str:
    """Return the file name without its ending: `.o` stdout, `.e` stderr, `.log` both."""
    return f"job_{AttemptStep(workflow_id, job_id, attempt.run_id, attempt.attempt_id)}"


def newest_attempt(
    attempts: Iterable[AttemptId], *, run_id: int | None = None, attempt_id: int | None = None
) -> AttemptId | None:
    """Return the latest of the attempts that match."""
    return max((a for a in attempts if run_id in (None, a.run_id) and attempt_id in (None, a.attempt_id)), default=None)


def output_dirs_here(nodes: Iterable[ComputeNodeModel], *, hostname: str) -> list[Path]:
    """Return the output directories of runners of this machine, the latest first."""
    here = sorted((node for node in nodes if node.hostname == hostname), key=lambda node: node.id or 0, reverse=True)
    named = [(node.scheduler or {}).get(OUTPUT_DIR_FACT) for node in here]
    return list(dict.fromkeys(Path(folder) for folder in named if isinstance(folder, str)))


def read_job_logs(
    output_dir: Path, workflow_id: int, job_id: int, *, attempt: AttemptId, lines: int | None = None
) -> AttemptLogs | None:
    """Return the ends of an attempt's log files, or None when none can be read here."""
    stem = output_dir / JOB_STDIO / log_stem(workflow_id, job_id, attempt)
    stdout = read_tail(stem.with_name(f"{stem.name}.o"), lines=lines)
    stderr = read_tail(stem.with_name(f"{stem.name}.e"), lines=lines)
    if stdout is None and stderr is None:
        stdout = read_tail(stem.with_name(f"{stem.name}.log"), lines=lines)
    if stdout is None and stderr is None:
        return None
    recovery = read_tail(stem.with_name(f"{stem.name}_recovery.log"), lines=lines)
    return AttemptLogs(attempt=attempt, stdout=stdout, stderr=stderr, recovery=recovery)


def read_tail(path: Path, *, lines: int | None = None) -> Tail | None:
    """Return the last `lines` of a file, or as many as fit into 64 KiB; None when it cannot be read."""
    max_bytes = DEFAULT_TAIL_BYTES if lines is None else MAX_TAIL_BYTES
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size - max_bytes)
            file.seek(start)
            text = file.read(max_bytes).decode("utf-8", "replace")
    except OSError:
        return None
    is_cut = start > 0
    if is_cut:
        text = text[text.find("\n") + 1 :]
    if lines is not None:
        kept = text.splitlines(keepends=True)
        is_cut = is_cut or len(kept) > lines
        text = "".join(kept[len(kept) - lines :] if lines < len(kept) else kept)
    return Tail(path=path, text=text, is_cut=is_cut)
