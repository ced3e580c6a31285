"""The commands of actions: claimed when their trigger is due, run one after the other."""

import shlex
from collections import deque
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torc_client.http import TorcClient
from torc_core.api.actions import WorkflowActionModel
from torc_core.errors import AlreadyTakenError

RUN_COMMANDS: Final = "run_commands"
START_TRIGGERS: Final = frozenset({"on_workflow_start", "on_worker_start"})


@dataclass(frozen=True, slots=True)
class ActionCommand:
    """One command of one action; `number` counts from 1. The next ones run only when this succeeds."""

    action_id: int
    number: int
    command: str

    def line(self, folder: Path) -> str:
        """Return the line for bash: the command, in the folder."""
        return f"cd {shlex.quote(str(folder))} || exit 1\n{self.command}"


def claim_pending_actions(
    client: TorcClient,
    workflow_id: int,
    *,
    triggers: Collection[str],
    compute_node_id: int | None,
    done: Collection[int] = (),
) -> list[WorkflowActionModel]:
    """The due actions of these triggers that this runner may run, now its own.

    Persistent actions stay pending for ever: `done` are those this runner has had.
    """
    mine: list[WorkflowActionModel] = []
    for action in client.pending_actions(workflow_id):
        if action.id is None or action.id in done:
            continue
        if action.trigger_type not in triggers or action.action_type != RUN_COMMANDS:
            continue
        with suppress(AlreadyTakenError):
            client.claim_action(workflow_id, action.id, compute_node_id=compute_node_id)
            mine.append(action)
    return mine


def commands_of(action: WorkflowActionModel) -> list[ActionCommand]:
    """Return the commands of an action in their order."""
    config = action.action_config if isinstance(action.action_config, dict) else {}
    commands = config.get("commands") or []
    return [ActionCommand(action.id or 0, number, str(command)) for number, command in enumerate(commands, start=1)]


class ActionQueue:
    """The commands of claimed actions, one after the other; a failure skips the rest of its action."""

    def __init__(self) -> None:
        self._waiting: deque[ActionCommand] = deque()
        self.claimed: set[int] = set()
        self.current: ActionCommand | None = None

    @property
    def is_empty(self) -> bool:
        return self.current is None and not self._waiting

    def add(self, actions: Iterable[WorkflowActionModel]) -> None:
        for action in actions:
            self.claimed.add(action.id or 0)
            self._waiting.extend(commands_of(action))

    def clear(self) -> None:
        """Drop the commands that have not begun."""
        self._waiting.clear()

    def next(self) -> ActionCommand | None:
        """Return the command to run now; None while one runs or none waits."""
        if self.current is not None or not self._waiting:
            return None
        self.current = self._waiting.popleft()
        return self.current

    def note_end(self, *, succeeded: bool) -> None:
        ended, self.current = self.current, None
        if ended is not None and not succeeded:
            self._waiting = deque(command for command in self._waiting if command.action_id != ended.action_id)
