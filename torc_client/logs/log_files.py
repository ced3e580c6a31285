"""The log files of a workflow in a folder or a bundle, read in blocks, however large they are."""

import re
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from torc_core.errors import InvalidInputError
from torc_core.triage.log_scan import LogFinding, scan_log
from torc_core.triage.pattern_library import load_library

_BLOCK_BYTES: Final = 1 << 20
MOST_FINDINGS: Final = 200
"""Of one file; the others are counted."""
_LOG: Final = re.compile(r".*\.(?:o|e|log|out|err)", re.IGNORECASE)
_WORKFLOW: Final = re.compile(r"(?:^|_)wf(\d{1,15})(?=[_.])|^watch_.*_(\d{1,15})\.log$")
_NOT_READ: Final = ("slurm_env_",)
_ALLOCATION: Final = re.compile(r"slurm_output_wf(\d{1,15})_sl(\d{1,15})(?:_\d{1,9})?\.[oe]")


@dataclass(frozen=True)
class LogFile:
    """One log: its name below the folder or in the bundle, and the workflow that its name bears."""

    name: str
    workflow_id: int | None

    @property
    def allocation_id(self) -> int | None:
        """Return Slurm's id of the allocation whose output this is, None for other logs."""
        match = _ALLOCATION.fullmatch(Path(self.name).name)
        return int(match[2]) if match else None


@dataclass
class ScannedLog:
    """The findings of one log; `more` counts those beyond the first ones."""

    log: LogFile
    findings: list[LogFinding] = field(default_factory=list)
    more: int = 0
    more_errors: int = 0

    @property
    def errors(self) -> int:
        return self.more_errors + sum(each.severity == "error" for each in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) + self.more - self.errors


def scan_allocations(output_dir: Path, workflow_id: int) -> Iterator[ScannedLog]:
    """Yield the output of the workflow's allocations in this folder, each file scanned."""
    for path in sorted(output_dir.glob(f"slurm_output_wf{workflow_id}_sl*")):
        log = LogFile(path.name, workflow_id)
        if log.allocation_id is not None and path.is_file():
            with path.open("rb") as stream:
                yield scan_stream(log, stream)


def scan_place(place: Path, workflow_id: int | None = None) -> Iterator[ScannedLog]:
    """Yield the logs of one workflow below a folder or in a bundle (`.tar.gz`), each scanned.

    Without `workflow_id` it must hold the logs of one workflow alone. Raises InvalidInputError where it holds none or
    several, and for what is neither a folder nor a bundle.
    """
    for log, stream in _opened(place, find_logs(place, workflow_id)):
        with closing(stream):
            yield scan_stream(log, stream)


def scan_stream(log: LogFile, stream: IO[bytes]) -> ScannedLog:
    """Return what the log shows. It is read in blocks that end with whole lines."""
    found, library = ScannedLog(log), load_library()
    number, rest = 1, b""
    while block := stream.read(_BLOCK_BYTES):
        whole, newline, rest = (rest + block).rpartition(b"\n")
        if not newline:
            if len(rest) < _BLOCK_BYTES:
                continue
            whole, rest = rest, b""
        text = whole.decode("utf-8", "replace")
        _add(found, scan_log(text, library, first_line=number))
        number += text.count("\n") + bool(newline)
    _add(found, scan_log(rest.decode("utf-8", "replace"), library, first_line=number))
    return found


def _add(found: ScannedLog, findings: Iterator[LogFinding]) -> None:
    for finding in findings:
        if len(found.findings) < MOST_FINDINGS:
            found.findings.append(finding)
        else:
            found.more += 1
            found.more_errors += finding.severity == "error"


def find_logs(place: Path, workflow_id: int | None) -> list[LogFile]:
    """Return the logs of the workflow below the place, sorted by name. Raises as `scan_place`."""
    logs = [log for name in _names(place) if (log := _log_file(name)) is not None]
    ids = sorted({log.workflow_id for log in logs if log.workflow_id is not None})
    if workflow_id is None:
        if len(ids) > 1:
            raise InvalidInputError(
                f"{place} holds logs of the workflows {', '.join(map(str, ids))}", hint="name one with -w"
            )
        if not ids:
            raise InvalidInputError(
                f"{place} holds no logs of a workflow", hint="name the folder that runners wrote to, or a bundle"
            )
        [workflow_id] = ids
    elif workflow_id not in ids:
        others = f"; it has those of {', '.join(map(str, ids))}" if ids else ""
        raise InvalidInputError(
            f"{place} holds no logs of workflow {workflow_id}{others}", hint="name the folder that its runners wrote to"
        )
    return [log for log in logs if log.workflow_id == workflow_id]


def _log_file(name: str) -> LogFile | None:
    last = Path(name).name
    if not _LOG.fullmatch(last) or last.startswith(_NOT_READ):
        return None
    match = _WORKFLOW.search(last)
    return LogFile(name, int(match[1] or match[2]) if match else None)


def _names(place: Path) -> list[str]:
    if place.is_dir():
        return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    with _bundle(place) as bundle:
        return sorted(member.name for member in bundle if member.isfile())


def _opened(place: Path, logs: list[LogFile]) -> Iterator[tuple[LogFile, IO[bytes]]]:
    if place.is_dir():
        for log in logs:
            yield log, (place / log.name).open("rb")
        return
    with _bundle(place) as bundle:
        for log in logs:
            stream = bundle.extractfile(log.name)
            if stream is not None:
                yield log, stream


def _bundle(place: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(place)
    except FileNotFoundError as error:
        raise InvalidInputError(f"{place} does not exist", hint="name a folder, a bundle or a workflow's id") from error
    except (tarfile.TarError, EOFError) as error:
        raise InvalidInputError(f"{place} is neither a folder nor a bundle of logs: {error}") from error
