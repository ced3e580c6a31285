"""Files that jobs declare as their output: they must exist after exit code 0."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from torc_core.api.relationships import JobFileRelationship


class DeclaredOutputs:
    """Output files by job. Relative paths count from the runner's working directory."""

    def __init__(self, relationships: Iterable[JobFileRelationship]) -> None:
        self._by_job: dict[int, dict[int, str]] = defaultdict(dict)
        for entry in relationships:
            if entry.producer_job_id is not None:
                self._by_job[entry.producer_job_id][entry.file_id] = entry.file_path

    def check(self, job_id: int) -> tuple[tuple[str, ...], dict[int, float]]:
        """Return the paths that do not exist, and by file id the modification times of those that do."""
        missing: list[str] = []
        mtimes: dict[int, float] = {}
        for file_id, path in self._by_job.get(job_id, {}).items():
            try:
                mtimes[file_id] = Path(path).stat().st_mtime
            except OSError:
                missing.append(path)
        return tuple(missing), mtimes
