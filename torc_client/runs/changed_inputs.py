"""Finds the jobs that have to run again because their files, data or commands changed, and says why."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torc_client.http import JobOutline, TorcClient
from torc_core.api.files import FileModel
from torc_core.jobs.status import DONE, JobStatus

_MTIME_TOLERANCE_S: Final = 0.01
OWN_CHANGE: Final = "its command, user data, files or dependencies changed"
_SENT_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class StaleJob:
    """A job that runs again; `reason` is one clause."""

    job_id: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file as it is now (no modification time: it is gone). `is_change` false: only its record is out of date."""

    file: FileModel
    is_change: bool
    by_content: bool = False

    @property
    def exists(self) -> bool:
        return self.file.st_mtime is not None


def look_at_files(client: TorcClient, workflow_id: int, *, folder: Path, by_content: bool = False) -> list[FileChange]:
    """Return the files whose records are out of date; relative paths count from `folder`. Changes nothing.

    By time, a file changed when its modification time did. `by_content`, it changed when its content is not the one
    that was recorded last; where none was recorded, the time decides, and the content is to be recorded.
    """
    found: list[FileChange] = []
    for file in client.files.list_all(workflow_id=workflow_id):
        now = _mtime(folder / file.path)
        is_touched = _differs(file.st_mtime, now)
        digest = _digest(folder / file.path) if by_content and now is not None else None
        is_compared = digest is not None and file.sha256 is not None
        is_change = digest != file.sha256 if is_compared else is_touched
        if is_touched or (digest is not None and digest != file.sha256):
            record = file.model_copy(update={"st_mtime": now, "sha256": digest})
            found.append(FileChange(record, is_change, by_content=is_compared))
    return found


def record_files(client: TorcClient, changes: Iterable[FileChange]) -> None:
    """Store times and contents of the files that exist."""
    known = [change.file for change in changes if change.exists]
    for first in range(0, len(known), _SENT_AT_ONCE):
        client.update_files(known[first : first + _SENT_AT_ONCE])


def stale_by_files(client: TorcClient, workflow_id: int, changes: Iterable[FileChange]) -> list[StaleJob]:
    """Return the completed jobs that read a changed file, or wrote one that is gone."""
    by_id = {change.file.id or 0: change for change in changes if change.is_change}
    if not by_id:
        return []
    completed = {each.id for each in client.job_outlines(workflow_id, JobStatus.COMPLETED)}
    stale: dict[int, StaleJob] = {}
    for row in client.job_file_relationships(workflow_id):
        change = by_id.get(row.file_id)
        if change is None:
            continue
        if row.producer_job_id is not None and not change.exists:
            reason = f"its output file {row.file_path} is missing"
            stale[row.producer_job_id] = StaleJob(row.producer_job_id, row.producer_job_name or "", reason)
        elif row.consumer_job_id is not None:
            reason = f"{'the content of ' if change.by_content else ''}its input file {row.file_path} changed"
            stale.setdefault(row.consumer_job_id, StaleJob(row.consumer_job_id, row.consumer_job_name or "", reason))
    return [job for job_id, job in sorted(stale.items()) if job_id in completed]


def plan_stale(
    client: TorcClient, workflow_id: int, *, folder: Path, by_content: bool, with_canceled: bool
) -> list[StaleJob]:
    """Return the jobs that a reinitialization would send back, with what depends on them. Changes nothing.

    Jobs that wait or run anyway are not among them. `with_canceled`: those that were canceled with the workflow are.
    """
    outlines = client.job_outlines(workflow_id)
    by_name = {each.name: each.id for each in outlines}
    changes = look_at_files(client, workflow_id, folder=folder, by_content=by_content)
    stale = {job.job_id: job for job in stale_by_files(client, workflow_id, changes)}
    for name in client.process_changed_job_inputs(workflow_id, dry_run=True).reinitialized_jobs:
        stale.setdefault(by_name[name], StaleJob(by_name[name], name, OWN_CHANGE))
    for each in outlines:
        if each.status is JobStatus.UNINITIALIZED:
            stale.setdefault(each.id, StaleJob(each.id, each.name, "it was reset"))
        elif each.status is JobStatus.CANCELED and with_canceled:
            stale.setdefault(each.id, StaleJob(each.id, each.name, "it was canceled with the workflow"))
    dependents = _dependents(client, workflow_id, stale, {each.id: each for each in outlines})
    return sorted([*stale.values(), *dependents], key=lambda job: job.job_id)


def _dependents(
    client: TorcClient, workflow_id: int, stale: Mapping[int, StaleJob], jobs: Mapping[int, JobOutline]
) -> list[StaleJob]:
    """Return what is done and depends on a stale job, directly or not."""
    if not stale:
        return []
    waiting: defaultdict[int, list[int]] = defaultdict(list)
    for row in client.job_dependencies(workflow_id):
        waiting[row.depends_on_job_id].append(row.job_id)
    found: dict[int, StaleJob] = {}
    seen, front = set(stale), list(stale)
    while front:
        behind = front.pop()
        for job_id in waiting[behind]:
            if job_id in seen or job_id not in jobs:
                continue
            seen.add(job_id)
            front.append(job_id)
            if jobs[job_id].status in DONE - {JobStatus.DISABLED}:
                reason = f"it depends on {jobs[behind].name}"
                found[job_id] = StaleJob(job_id, jobs[job_id].name, reason)
    return list(found.values())


def _mtime(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file's content; None for a folder and for what cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _differs(stored: float | None, now: float | None) -> bool:
    if stored is None or now is None:
        return stored is not now
    return abs(stored - now) > _MTIME_TOLERANCE_S
