"""A thread that claims actions and reports their ends, and repeats both until the server has answered."""

import threading
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

from runner.base.threads import LoopThread
from runner.server.connection import Connection, pause_after
from torc_client.http import TorcClient
from torc_core.api.actions import RUN_COMMANDS, FinishActionRequest, WorkflowActionModel
from torc_core.errors import AlreadyTakenError, ServerFaultError, ServerUnreachableError, TorcError


@dataclass(frozen=True, slots=True)
class ActionClaims:
    """Claims the due actions that this runner may carry out. `name` is the same for all claims of one runner.

    `types` are those of the actions that it can carry out; the due ones that it cannot are noted in `left_alone`.
    """

    client: TorcClient
    workflow_id: int
    compute_node_id: int
    name: str
    types: Collection[str] = (RUN_COMMANDS,)
    left_alone: deque[int] = field(default_factory=deque)

    def claim(self, triggers: Collection[str], done: Collection[int]) -> list[WorkflowActionModel]:
        """Return the due actions of these triggers, now this runner's.

        Persistent actions stay pending for ever: `done` are those that this runner has had. Called again after a fault
        it returns what was claimed before it, too: the server lists what this runner has not finished, and takes a
        claim of the same name again.
        """
        claimed: list[WorkflowActionModel] = []
        for action in self.client.pending_actions(self.workflow_id, compute_node_id=self.compute_node_id):
            if action.id is None or action.id in done:
                continue
            if action.trigger_type not in triggers:
                continue
            if action.action_type not in self.types:
                self.left_alone.append(action.id)  # deque.append is atomic: several threads claim
                continue
            with suppress(AlreadyTakenError):
                self.client.claim_action(
                    self.workflow_id, action.id, compute_node_id=self.compute_node_id, claim=self.name
                )
                claimed.append(action)
        return claimed


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAnswer:
    """The answer to one task; `error` when the server refused it for good."""

    is_claim: bool
    claimed: list[WorkflowActionModel] = field(default_factory=list)
    error: TorcError | None = None


_Task = Callable[[], ActionAnswer]


class ActionThread:
    """Works on one task after the other. A task that meets no server, or a fault of it, is repeated."""

    def __init__(self, claims: ActionClaims, *, connection: Connection, wake: Callable[[], None]) -> None:
        self._claims = claims
        self._connection = connection
        self._wake = wake
        # tasks and `_closing` change under it: a thread that has just looked would sleep on a change it missed
        self._condition = threading.Condition()
        self._tasks: deque[tuple[bool, _Task]] = deque()
        self._answers: deque[ActionAnswer] = deque()
        self._closing = False
        self.thread = LoopThread("actions", self._work, wake=wake, may_end=lambda: self._closing)

    def claim(self, triggers: frozenset[str], done: frozenset[int]) -> None:
        """Claim the due actions of these triggers."""
        self._add(True, lambda: ActionAnswer(is_claim=True, claimed=self._claims.claim(triggers, done)))

    def finish(self, action_id: int, **end: object) -> None:
        """Report how an action ended: fields of FinishActionRequest."""
        request = FinishActionRequest.model_validate({"claim": self._claims.name} | end)

        def report() -> ActionAnswer:
            self._claims.client.finish_action(self._claims.workflow_id, action_id, request)
            return ActionAnswer(is_claim=False)

        self._add(False, report)

    def take(self) -> list[ActionAnswer]:
        """Return the answers since the last call."""
        with self._condition:
            answers = list(self._answers)
            self._answers.clear()
        return answers

    def take_left_alone(self) -> list[int]:
        """Return the due actions, since the last call, that this runner cannot carry out."""
        found: list[int] = []
        with suppress(IndexError):
            while True:
                found.append(self._claims.left_alone.popleft())
        return found

    @property
    def workflow_id(self) -> int:
        return self._claims.workflow_id

    @property
    def is_claiming(self) -> bool:
        """Return whether an action may still come: a claim is not answered, or its answer not taken."""
        with self._condition:
            return any(is_claim for is_claim, _ in self._tasks) or any(answer.is_claim for answer in self._answers)

    @property
    def is_idle(self) -> bool:
        """Return whether everything is answered and the answers are taken."""
        with self._condition:
            return not self._tasks and not self._answers

    def close(self) -> None:
        """Ask the thread to end; tasks that are left are tried once more, and not waited for."""
        with self._condition:
            self._closing = True
            self._condition.notify()

    def _add(self, is_claim: bool, task: _Task) -> None:
        with self._condition:
            self._tasks.append((is_claim, task))
            self._condition.notify()

    def _work(self) -> None:
        failures = 0
        while True:
            with self._condition:
                self._condition.wait_for(lambda: bool(self._tasks) or self._closing)
                if not self._tasks:
                    return
                is_claim, task = self._tasks[0]
            try:
                answer = task()
                failures = 0
            except (ServerUnreachableError, ServerFaultError) as error:
                self._connection.failed("actions", error)
                with self._condition:
                    self._condition.wait_for(lambda: self._closing, pause_after(failures))
                    if self._closing:
                        return
                failures += 1
                continue
            except TorcError as error:
                answer = ActionAnswer(is_claim=is_claim, error=error)
            self._connection.answered("actions")
            with self._condition:
                # together: between the two steps the thread would look idle, and the loop could leave too early
                self._answers.append(answer)
                self._tasks.popleft()
            self._wake()
