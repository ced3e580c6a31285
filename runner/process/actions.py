"""The commands of claimed actions, run one after the other."""

import shlex
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torc_core.api.actions import WorkflowActionModel

START_TRIGGERS: Final = frozenset({"on_workflow_start", "on_worker_start"})


@dataclass(frozen=True, slots=True)
class ActionCommand:
    """One command of one action; `number` counts from 1. The next ones run only when this succeeds."""

    action_id: int
    number: int
    command: str
    is_last: bool
    may_repeat: bool
    """Whether it is run again when its end is unknown."""

    def line(self, folder: Path) -> str:
        """Return the line for bash: the command, in the folder."""
        return f"cd {shlex.quote(str(folder))} || exit 1\n{self.command}"


def commands_of(action: WorkflowActionModel) -> list[ActionCommand]:
    """Return the commands of an action in their order."""
    config = action.action_config if isinstance(action.action_config, dict) else {}
    commands = [str(command) for command in config.get("commands") or []]
    return [
        ActionCommand(action.id or 0, number, command, number == len(commands), action.retry is not False)
        for number, command in enumerate(commands, start=1)
    ]


class ActionQueue:
    """The commands of claimed actions, one after the other; a failure skips the rest of its action."""

    def __init__(self) -> None:
        self._waiting: deque[ActionCommand] = deque()
        self.claimed: set[int] = set()
        self.current: ActionCommand | None = None

    @property
    def is_empty(self) -> bool:
        return self.current is None and not self._waiting

    def add(self, actions: Iterable[WorkflowActionModel]) -> list[int]:
        """Append the commands of newly claimed actions; return the ids of those without any."""
        empty: list[int] = []
        for action in actions:
            action_id = action.id or 0
            if action_id in self.claimed:
                continue
            self.claimed.add(action_id)
            commands = commands_of(action)
            self._waiting.extend(commands)
            if not commands:
                empty.append(action_id)
        return empty

    def clear(self) -> None:
        """Drop the commands that have not begun; actions of which none has begun may be added again."""
        begun = set() if self.current is None else {self.current.action_id}
        self.claimed -= {command.action_id for command in self._waiting if command.number == 1} - begun
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

    def repeat(self) -> None:
        """Put the present command back: its end is unknown."""
        if self.current is not None:
            self._waiting.appendleft(self.current)
            self.current = None
