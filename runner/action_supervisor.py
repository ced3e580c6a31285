"""An action's way through this runner: claim, commands, end to report."""

from collections.abc import Callable, Sequence

from runner.base.log import RunnerLog
from runner.base.paths import RunFiles
from runner.process.actions import ActionCommand, ActionQueue
from runner.process.scripts import ScriptEnd
from runner.server.action_thread import ActionThread
from runner.server.scheduling_thread import ScheduledNodes, SchedulingThread
from runner.supervisor import Supervisor
from torc_core.api.actions import SCHEDULE_NODES, WorkflowActionModel


class ActionSupervisor:
    """Claims the actions of a workflow, runs their commands one after the other, and reports their ends."""

    def __init__(
        self,
        thread: ActionThread,
        supervisor: Supervisor,
        *,
        scheduling: SchedulingThread | None,
        actions: Sequence[WorkflowActionModel],
        files: RunFiles,
        log: RunnerLog,
        warn: Callable[[str], None],
    ) -> None:
        self._thread = thread
        self._supervisor = supervisor
        self._actions = actions
        self._files = files
        self._log = log
        self._warn = warn
        self._queue = ActionQueue()
        self._scheduling = scheduling
        self._left_alone: set[int] = set()
        self._is_dropped = False

    @property
    def is_done(self) -> bool:
        """Return whether no command runs or waits, and none may come from a claim under way."""
        return self._queue.is_empty and not self._thread.is_claiming

    @property
    def is_delivered(self) -> bool:
        """Return whether the server has answered all claims and reports."""
        return self._thread.is_idle and (self._scheduling is None or self._scheduling.is_idle)

    @property
    def claimed(self) -> frozenset[int]:
        """Return the ids of the actions that this runner has had."""
        return frozenset(self._queue.claimed)

    def claim(self, triggers: frozenset[str]) -> None:
        """Claim the due actions of these triggers; the answer comes later, as the server may be away."""
        self._is_dropped = False
        if any(action.trigger_type in triggers for action in self._actions):
            self._thread.claim(triggers, self.claimed)

    def take_answers(self) -> None:
        """Take the server's answers since the last call."""
        for answer in self._thread.take():
            if answer.error is not None:
                what = "actions could not be claimed" if answer.is_claim else "the end of an action was not recorded"
                self._warn(f"{what}: {answer.error.message}")
            self.add(answer.claimed)
        for action_id in self._thread.take_left_alone():
            if action_id not in self._left_alone:
                self._left_alone.add(action_id)
                self._warn(
                    f"action {action_id} asks for allocations, which cannot be submitted from here; it stays due: "
                    f"`torc submit {self._thread.workflow_id}` on a login node of the cluster submits them"
                )
        for end in self._scheduling.take() if self._scheduling is not None else ():
            self._note_scheduled(end)

    def add(self, actions: Sequence[WorkflowActionModel]) -> None:
        """Queue the commands of claimed actions, and submit the allocations that they ask for."""
        for action in actions:
            if action.action_type == SCHEDULE_NODES and action.id not in self._queue.claimed:
                self._queue.claimed.add(action.id or 0)
                if self._scheduling is not None:
                    self._scheduling.carry_out(action)
        for action_id in self._queue.add(action for action in actions if action.action_type != SCHEDULE_NODES):
            self._thread.finish(action_id, outcome="succeeded")

    def drop(self) -> None:
        """Drop the commands that have not begun: the runner leaves."""
        self._is_dropped = True
        self._queue.clear()

    def run_next(self) -> None:
        """Start the next command, if none runs."""
        command = self._queue.next()
        if command is None:
            return
        self._log.write(f"action {command.action_id} command {command.number}: {command.command}")
        self._supervisor.scripts.run(
            self._supervisor.launcher,
            command.line(self._files.output_dir),
            env={},
            log=self._files.of_action(command.action_id, command.number),
            timeout_s=None,
            on_end=lambda end: self._end(command, end),
        )

    def _note_scheduled(self, end: ScheduledNodes) -> None:
        if end.problem is not None:
            self._warn(f"action {end.action_id}: {end.problem}")
        if end.ids:
            self._log.write(f"action {end.action_id} submitted allocations with the ids {', '.join(map(str, end.ids))}")
        if end.is_final:
            outcome = "succeeded" if end.problem is None else "failed"
            self._thread.finish(end.action_id, outcome=outcome, failure=end.problem)

    def _end(self, command: ActionCommand, end: ScriptEnd) -> None:
        log = self._files.of_action(command.action_id, command.number)
        label = f"action {command.action_id} command {command.number}"
        if end.was_lost and command.may_repeat and not self._is_dropped:
            self._warn(f"{label} {end.failure}; it is run again")
            self._queue.repeat()
            return
        self._queue.note_end(succeeded=not end.failure)
        if not end.failure:
            if command.is_last:
                self._thread.finish(command.action_id, outcome="succeeded")
            return
        self._warn(f"{label} {end.failure}; output: {log}")
        if end.was_stopped or (end.was_lost and command.may_repeat):
            # not finished: the server makes the action due again, or unknown, when this runner signs off
            return
        self._thread.finish(
            command.action_id,
            outcome="unknown" if end.was_lost else "failed",
            return_code=end.return_code,
            failure=f"command {command.number} {end.failure}",
            log=log,
        )
