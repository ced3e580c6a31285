"""Results that could not be delivered, kept in the output directory until the next run delivers them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runner.base.paths import RunFiles
from runner.base.progress import Notice
from torc_client.http import TorcClient
from torc_client.private_files import private
from torc_core.api.jobs import CompleteJobsRequest, JobCompletion, JobError
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError

_BATCH: Final = 200


class Undelivered(CompleteJobsRequest):
    """Results of one runner. The timestamp distinguishes workflows of the same id on different servers."""

    workflow_timestamp: str | None


def keep(path: Path, workflow: WorkflowModel, completions: Sequence[JobCompletion]) -> None:
    """Write the results to a file that is there as a whole or not at all. Raises OSError."""
    text = Undelivered(workflow_timestamp=workflow.timestamp, completions=list(completions)).model_dump_json()
    # a file that was cut off could not be read, and its results would be lost: rename only what is on the disk
    unfinished = path.with_suffix(".tmp")
    with open(unfinished, "w", encoding="utf-8", opener=private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def deliver_kept(client: TorcClient, workflow: WorkflowModel, files: RunFiles) -> list[Notice]:
    """Deliver what earlier runners kept, and return a message for the user on each file.

    Harmless when it is done twice, or too late: the server takes only the ends of open attempts.
    """
    return [_deliver(client, workflow, path) for path in files.undelivered_files()]


def count_results(number: int) -> str:
    return "1 result" if number == 1 else f"{number or 'no'} results"


def _deliver(client: TorcClient, workflow: WorkflowModel, path: Path) -> Notice:
    try:
        kept = Undelivered.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return Notice("warning", f"{path} cannot be read as results that an earlier runner had kept; it is left alone")
    if kept.workflow_timestamp != workflow.timestamp:
        other = f"another workflow {workflow.id}, perhaps of another server"
        return Notice("warning", f"{path} holds results of {other}; it is left alone")
    refused: list[JobError] = []
    try:
        for start in range(0, len(kept.completions), _BATCH):
            part = kept.completions[start : start + _BATCH]
            refused += client.complete_jobs(workflow.id or 0, part).errors
    except InvalidInputError as error:
        text = f"the results in {path} are not what the server can read ({error.message}); they are left alone"
        return Notice("warning", text)
    path.unlink(missing_ok=True)
    return Notice("info", _describe(len(kept.completions) - len(refused), refused))


def _describe(delivered: int, refused: Sequence[JobError]) -> str:
    text = f"delivered {count_results(delivered)} that an earlier runner had kept"
    if not refused:
        return text
    more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    return f"{text}; others are not needed any more: {refused[0].message}{more}"
