"""Reads workflow files of this machine into drafts for the server."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from torc_core.api.configs import ResourceMonitorConfig
from torc_core.api.drafts import FileDraft, WorkflowDraft
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint
from torc_core.spec.build import read_workflow
from torc_core.spec.report import SpecReport
from torc_core.spec.tables import ReadTable

SPEC_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json", ".json5", ".kdl"})
STDIN: Final = Path("-")
_LISTED: Final = 20
_MAX_SPEC_BYTES: Final = 256 * 1024 * 1024


def read_spec_text(path: Path, *, hint: Hint | str = "name a workflow file") -> str:
    """Return the text of a workflow file, or of standard input for `-`; `hint` helps who named a wrong file.

    Raises InvalidInputError when it cannot be read or is too large.
    """
    if path == STDIN:
        return _read_stdin()
    try:
        size = path.stat().st_size
        if size > _MAX_SPEC_BYTES:
            raise InvalidInputError(
                f"{path}: {size} bytes are too much for a workflow file", hint="describe many jobs by parameters"
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path}: not a text file (byte {error.start} is no UTF-8)") from error
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}", hint=hint) from error


def _read_stdin() -> str:
    content = sys.stdin.buffer.read(_MAX_SPEC_BYTES + 1)
    if len(content) > _MAX_SPEC_BYTES:
        raise InvalidInputError("standard input is too long for a workflow", hint="describe many jobs by parameters")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"standard input is no text (byte {error.start} is no UTF-8)") from error


def shown_name(path: Path) -> str:
    """Return the name under which problems of a workflow file are reported."""
    return "<stdin>" if path == STDIN else str(path)


def table_reader(path: Path, *, folder: Path | None = None) -> ReadTable:
    """Return the reader of the tables that a workflow file names.

    A relative name counts from the folder of the workflow file; where there is no such file, from `folder`, by default
    the current one.
    """
    beside = Path() if path == STDIN else path.parent

    def read(name: str) -> str:
        places = [beside / name, (folder or Path.cwd()) / name]
        try:
            return read_spec_text(next((place for place in places if place.is_file()), places[0]))
        except OSError as error:  # a name that no file can have
            raise InvalidInputError(f"{name[:200]!r} cannot be read: {error.strerror}") from error

    return read


def load_draft(
    path: Path, *, user: str, folder: Path, resource_monitoring: bool = True
) -> tuple[WorkflowDraft, SpecReport]:
    """Read and check a workflow file, with the modification times of its files that exist.

    Relative paths in it count from `folder`. Raises SpecError listing everything that is wrong with it.
    """
    return make_draft(
        read_spec_text(path),
        file_name=shown_name(path),
        user=user,
        folder=folder,
        resource_monitoring=resource_monitoring,
        read_table=table_reader(path, folder=folder),
    )


def make_draft(
    text: str,
    *,
    file_name: str,
    user: str,
    folder: Path,
    resource_monitoring: bool = True,
    read_table: ReadTable | None = None,
) -> tuple[WorkflowDraft, SpecReport]:
    """Do as `load_draft` for a text; problems are reported under `file_name`."""
    draft, report = read_workflow(text, file_name=file_name, user=user, read_table=read_table)
    workflow = draft.workflow.model_copy(update={"submission_directory": str(folder)})
    if not resource_monitoring:
        workflow.resource_monitor_config = ResourceMonitorConfig(enabled=False)
    return with_mtimes(draft.model_copy(update={"workflow": workflow}), folder), report


def with_mtimes(draft: WorkflowDraft, folder: Path) -> WorkflowDraft:
    """Return the draft with the modification times of its files that exist."""
    return draft.model_copy(update={"files": [_with_mtime(file, folder) for file in draft.files]})


def missing_input_files(draft: WorkflowDraft) -> list[str]:
    """Return the input files that no job writes and that did not exist when the draft was made."""
    read = {place for job in draft.jobs for place in job.input_files}
    written = {place for job in draft.jobs for place in job.output_files}
    return [draft.files[place].path for place in sorted(read - written) if draft.files[place].st_mtime is None]


def existing_output_files(draft: WorkflowDraft, folder: Path) -> list[str]:
    """Return the files that jobs write and that exist already, so that a run overwrites them."""
    written = {place for job in draft.jobs for place in job.output_files}
    return [draft.files[place].path for place in sorted(written) if _with_mtime(draft.files[place], folder).st_mtime]


def file_warnings(missing: Sequence[str], existing: Sequence[str]) -> list[str]:
    """Return one line for each input file that is missing and each output that a run overwrites, the first of many."""
    lines = [f"the input file {path} does not exist yet, and no job produces it" for path in missing[:_LISTED]]
    if len(missing) > _LISTED:
        lines.append(f"… and {len(missing) - _LISTED} more input files do not exist")
    lines += [f"the output file {path} exists; a run overwrites it" for path in existing[:_LISTED]]
    if len(existing) > _LISTED:
        lines.append(f"… and {len(existing) - _LISTED} more output files exist")
    return lines


def _with_mtime(file: FileDraft, folder: Path) -> FileDraft:
    try:
        return file.model_copy(update={"st_mtime": (folder / file.path).stat().st_mtime})
    except (OSError, ValueError):
        return file
