"""Delivers results that runners could not deliver, from their journals in the output directory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runner.base.paths import undelivered_files
from runner.base.progress import Notice
from runner.server.journal import read_journal
from torc_client.http import TorcClient
from torc_core.api.jobs import JobError
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError

_BATCH: Final = 200


def deliver_kept(client: TorcClient, workflow: WorkflowModel, output_dir: Path) -> list[Notice]:
    """Deliver what earlier runners kept, and return a message for the user on each file.

    Journals of living runners are left alone. Harmless when it is done twice, or too late: the server takes only the
    ends of open attempts.
    """
    notices = (_deliver(client, workflow, path) for path in undelivered_files(output_dir, workflow.id or 0))
    return [notice for notice in notices if notice is not None]


def count_results(number: int) -> str:
    return "1 result" if number == 1 else f"{number or 'no'} results"


def _deliver(client: TorcClient, workflow: WorkflowModel, path: Path) -> Notice | None:
    try:
        kept = read_journal(path)
    except (OSError, ValueError):
        return Notice("warning", f"{path} cannot be read as results that an earlier runner had kept; it is left alone")
    if kept is None:
        return None
    if not kept.completions and kept.workflow_timestamp is None:  # its runner died when the server had everything
        path.unlink(missing_ok=True)
        return None
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
