"""Files that jobs declare as their output: they must exist when the job says it succeeded."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from torc_core.api.files import FileModel
from torc_core.api.relationships import JobFileRelationship


@dataclass(frozen=True, slots=True)
class DeclaredFile:
    file_id: int
    name: str
    path: str


class DeclaredOutputs:
    """Output files by job. Relative paths count from the runner's working directory."""

    def __init__(self, relationships: Iterable[JobFileRelationship]) -> None:
        self._by_job: dict[int, dict[int, DeclaredFile]] = defaultdict(dict)
        for entry in relationships:
            if entry.producer_job_id is not None:
                file = DeclaredFile(entry.file_id, entry.file_name, entry.file_path)
                self._by_job[entry.producer_job_id][entry.file_id] = file

    def check(self, workflow_id: int, job_id: int) -> tuple[tuple[str, ...], list[FileModel]]:
        """Paths that do not exist, and the files that do with their modification times."""
        missing: list[str] = []
        present: list[FileModel] = []
        for file in self._by_job.get(job_id, {}).values():
            try:
                mtime = Path(file.path).stat().st_mtime
            except OSError:
                missing.append(file.path)
                continue
            present.append(
                FileModel(id=file.file_id, workflow_id=workflow_id, name=file.name, path=file.path, st_mtime=mtime)
            )
        return tuple(missing), present
