"""Which actions of a workflow are still to be carried out, and what those that were printed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torc_client.http import TorcClient
from torc_client.logs.attempt_logs import JOB_STDIO, Tail, read_tail
from torc_core.api.actions import END_TRIGGERS, RUN_COMMANDS, WorkflowActionModel

_LOG_NAME: Final = re.compile(r"action_wf\d+_c\d+_r(\d+)_n(\d+)\.log")


@dataclass(frozen=True, slots=True)
class ActionLog:
    """What one command of an action printed; `number` counts the action's commands from 1."""

    action_id: int
    run_id: int
    number: int
    tail: Tail


def open_actions(client: TorcClient, workflow_id: int, *, is_canceled: bool = False) -> list[WorkflowActionModel]:
    """Return the actions with commands that are due, or claimed and not finished; none that every runner repeats.

    Of a canceled workflow only those that follow its end: nothing begins there any more.
    """
    return [
        action
        for action in client.actions(workflow_id)
        if action.action_type == RUN_COMMANDS
        and not action.persistent
        and action.state in {"pending", "claimed"}
        and (not is_canceled or action.trigger_type in END_TRIGGERS)
    ]


def describe_action(action: WorkflowActionModel) -> str:
    """Return the action's id and trigger for a message."""
    return f"action {action.id} ({action.trigger_type})"


def read_action_logs(
    folders: Sequence[Path], workflow_id: int, action_id: int, *, lines: int | None = None
) -> list[ActionLog]:
    """Return what the commands of an action printed in its newest run of which logs are in one of the folders."""
    found: dict[tuple[int, int], Path] = {}
    for folder in folders:
        for path in (folder / JOB_STDIO).glob(f"action_wf{workflow_id}_c{action_id}_r*_n*.log"):
            name = _LOG_NAME.fullmatch(path.name)
            if name is not None:
                found.setdefault((int(name[1]), int(name[2])), path)
    newest = max((run_id for run_id, _ in found), default=0)
    logs: list[ActionLog] = []
    for (run_id, number), path in sorted(found.items()):
        tail = read_tail(path, lines=lines) if run_id == newest else None
        if tail is not None:
            logs.append(ActionLog(action_id, run_id, number, tail))
    return logs
