"""Describes the runs of a workflow as an RO-Crate: what was run, from which files, into which."""

import hashlib
import io
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from torc_client.export.document import PortableWorkflow
from torc_core import __version__
from torc_core.api.files import FileModel
from torc_core.api.jobs import JobModel
from torc_core.api.results import ResultModel
from torc_core.errors import InvalidInputError, TorcError
from torc_core.jobs.status import SUCCESSFUL

_PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"
_DOCUMENT: Final = "workflow.json"
_CHUNK_BYTES: Final = 1 << 20

# The package is an extra, which type checks may not find, hence Any for its objects.


@dataclass(frozen=True, kw_only=True)
class CrateCounts:
    """What stands in a crate; `missing` are files of the workflow that do not exist."""

    actions: int
    files: int
    missing: int


def write_crate(
    workflow: PortableWorkflow, target: Path, *, folder: Path, copies_files: bool = False, hashes: bool = True
) -> CrateCounts:
    """Write the crate into a new folder, or a new file that ends in `.zip`.

    Relative paths of the workflow's files count from `folder`. Raises TorcError without the package, InvalidInputError
    when the target exists or cannot be written.
    """
    if target.exists():
        raise InvalidInputError(f"{target} exists already", hint="name a new folder, or a new file that ends in .zip")
    builder = _Builder(workflow, folder=folder, copies_files=copies_files, hashes=hashes)
    counts = builder.build()
    try:
        if target.suffix == ".zip":
            builder.crate.write_zip(target)
        else:
            builder.crate.write(target)
    except OSError as error:
        raise InvalidInputError(f"{target} cannot be written: {error}", hint="name another place with -o") from error
    return counts


class _Builder:
    def __init__(self, workflow: PortableWorkflow, *, folder: Path, copies_files: bool, hashes: bool) -> None:
        try:
            self._context_entity: Any = import_module("rocrate.model.contextentity").ContextEntity
            self.crate: Any = import_module("rocrate.rocrate").ROCrate()
        except ImportError as error:
            raise TorcError(
                f"the package rocrate is needed for this and cannot be imported: {error}",
                hint="pip install 'torc-recovery[crate]'",
            ) from error
        self._workflow = workflow
        self._folder = folder
        self._copies_files = copies_files
        self._hashes = hashes
        self._missing = 0

    def build(self) -> CrateCounts:
        record = self._workflow.workflow
        self.crate.name = record.name
        self.crate.description = record.description or f"The runs of the workflow {record.name}"
        profile = self._add(_PROFILE, "CreativeWork", name="Process Run Crate", version="0.5")
        self.crate.root_dataset.append_to("conformsTo", profile)
        document = self._workflow.model_dump_json(indent=2, exclude_none=True, by_alias=True)
        self.crate.mainEntity = self.crate.add_file(
            io.StringIO(document),
            dest_path=_DOCUMENT,
            properties={"name": "The workflow as torc exports it", "encodingFormat": "application/json"},
        )
        torc = self._add("#torc", "SoftwareApplication", name="torc-recovery", softwareVersion=__version__)
        agent = self._add(f"#user-{record.user}", "Person", name=record.user)
        files = {file.id: self._add_file(file) for file in self._workflow.files}
        commands = {job.id: self._add_command(job) for job in self._workflow.jobs}
        jobs = {job.id: job for job in self._workflow.jobs}
        actions = []
        for result in self._workflow.results or ():
            if (job := jobs.get(result.job_id)) is None:
                continue  # a job that was deleted since
            action = self._add_action(result, job)
            action["agent"] = agent
            action["instrument"] = [commands[job.id], torc]
            if inputs := _known(files, job.input_file_ids):
                action["object"] = inputs
            if result.status in SUCCESSFUL and (outputs := _known(files, job.output_file_ids)):
                action["result"] = outputs
            actions.append(action)
        if actions:
            self.crate.root_dataset["mentions"] = actions
        return CrateCounts(actions=len(actions), files=len(files), missing=self._missing)

    def _add(self, identifier: str, type_: str, **properties: Any) -> Any:
        known = {key: value for key, value in properties.items() if value is not None}
        return self.crate.add(self._context_entity(self.crate, identifier, properties={"@type": type_, **known}))

    def _add_command(self, job: JobModel) -> Any:
        return self._add(f"#command-{job.id}", "SoftwareApplication", name=job.name, description=job.command)

    def _add_action(self, result: ResultModel, job: JobModel) -> Any:
        status = "Completed" if result.status in SUCCESSFUL else "Failed"
        attempt = result.attempt_id or 1
        return self._add(
            f"#job-{job.id}-run-{result.run_id}-attempt-{attempt}",
            "CreateAction",
            name=job.name,
            description=f"run {result.run_id}, attempt {attempt}, return code {result.return_code}",
            startTime=_start(result),
            endTime=result.completion_time,
            actionStatus={"@id": f"http://schema.org/{status}ActionStatus"},
        )

    def _add_file(self, file: FileModel) -> Any:
        path = (self._folder / file.path).absolute()
        facts: dict[str, Any] = {"name": file.name, "alternateName": file.path}
        if kind := mimetypes.guess_type(path.name)[0]:
            facts["encodingFormat"] = kind
        if not path.is_file():
            self._missing += 1
            return self._add(path.as_uri(), "File", **facts)
        stat = path.stat()
        facts["contentSize"] = stat.st_size
        facts["dateModified"] = datetime.fromtimestamp(stat.st_mtime, tz=UTC).isoformat(timespec="seconds")
        if self._hashes:
            facts["sha256"] = _sha256(path)
        if self._copies_files:
            # the id keeps files of one name in several folders apart
            return self.crate.add_file(path, dest_path=f"files/{file.id}/{path.name}", properties=facts)
        return self._add(path.as_uri(), "File", **facts)


def _known(files: dict[int | None, Any], ids: Iterable[int] | None) -> list[Any]:
    return [files[each] for each in ids or () if each in files]


def _start(result: ResultModel) -> str | None:
    try:
        end = datetime.fromisoformat(result.completion_time)
    except ValueError:
        return None
    return (end - timedelta(minutes=result.exec_time_minutes)).isoformat()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
