"""Fires due `schedule_nodes` actions from a process that is no runner: `torc submit`, or a watcher."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from torc_client.processes import host_facts, process_identity
from torc_client.submission.schedule_nodes import NodeScheduling, SubmittedNodes
from torc_core.api.actions import SCHEDULE_NODES, FinishActionRequest, WorkflowActionModel
from torc_core.errors import (
    AlreadyTakenError,
    SchedulerUnreachableError,
    ServerUnreachableError,
    StateConflictError,
    TorcError,
)

_PREFIX: Final = "process"
_SEPARATOR: Final = "|"
_PARTS: Final = 7


@dataclass(frozen=True, kw_only=True)
class FiredAction:
    """An action that was carried out; `error` says why it could not be."""

    action: WorkflowActionModel
    submitted: SubmittedNodes | None = None
    error: TorcError | None = None


@dataclass(frozen=True)
class ClaimHolder:
    """The process that made a claim."""

    hostname: str
    boot_id: str
    pid_namespace: str
    pid: int
    start_ticks: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.hostname}"

    @property
    def is_this_process_or_gone(self) -> bool:
        """Return whether the process has surely ended, or is this one; False where it cannot be seen from here."""
        host = host_facts()
        if self.hostname != host.hostname:
            return False
        if self.boot_id != host.boot_id:
            return True
        if self.pid_namespace != host.pid_namespace:
            return False
        process = process_identity(self.pid, host=host)
        return self.pid == os.getpid() or process is None or process.start_ticks != self.start_ticks


def fire_due_actions(
    scheduling: NodeScheduling, *, retry_failed: bool = False, take_over: bool = False
) -> Iterator[FiredAction]:
    """Carry out the due actions that nobody carries out, one after the other, and yield each.

    An action is claimed before, so that of several processes one submits; what a process left behind that is gone is
    taken over, and with `take_over` also what one holds that cannot be seen from here. `retry_failed` tries those
    again that failed. Raises SchedulerUnreachableError when Slurm does not answer: the action stays claimed then, and
    the next call goes on with it.
    """
    client, workflow_id = scheduling.client, scheduling.workflow_id
    for action in actions_to_fire(client.actions(workflow_id), retry_failed=retry_failed, take_over=take_over):
        claim = _new_claim()
        replaces = None if action.state == "pending" else action.claim
        with suppress(AlreadyTakenError):
            client.claim_action(workflow_id, action.id or 0, compute_node_id=None, claim=claim, replaces=replaces)
            yield _carry_out(scheduling, action, claim)


def actions_to_fire(
    actions: list[WorkflowActionModel], *, retry_failed: bool = False, take_over: bool = False
) -> list[WorkflowActionModel]:
    """Return the actions of these that ask for allocations and are due, or left behind."""

    def is_to_fire(action: WorkflowActionModel) -> bool:
        if action.action_type != SCHEDULE_NODES or action.persistent:
            return False
        if action.state == "claimed":
            holder = read_holder(action.claim)
            return holder is not None and (take_over or holder.is_this_process_or_gone)
        return action.state == "pending" or (retry_failed and action.state == "failed" and action.claim is not None)

    return [action for action in actions if is_to_fire(action)]


def read_holder(claim: str | None) -> ClaimHolder | None:
    """Return who made the claim; None for a runner, which the server knows."""
    parts = (claim or "").split(_SEPARATOR)
    if len(parts) != _PARTS or parts[0] != _PREFIX or not (parts[4].isdigit() and parts[5].isdigit()):
        return None
    return ClaimHolder(parts[1], parts[2], parts[3], int(parts[4]), int(parts[5]))


def _new_claim() -> str:
    host = host_facts()
    own = process_identity(os.getpid(), host=host)
    start_ticks = own.start_ticks if own else 0
    parts = (_PREFIX, host.hostname, host.boot_id, host.pid_namespace, os.getpid(), start_ticks, uuid4().hex)
    return _SEPARATOR.join(map(str, parts))


def _carry_out(scheduling: NodeScheduling, action: WorkflowActionModel, claim: str) -> FiredAction:
    try:
        fired = FiredAction(action=action, submitted=scheduling.carry_out(action, is_repeat=action.state == "claimed"))
    except (SchedulerUnreachableError, ServerUnreachableError):
        raise
    except TorcError as error:
        fired = FiredAction(action=action, error=error)
    request = FinishActionRequest(
        claim=claim,
        outcome="succeeded" if fired.error is None else "failed",
        failure=None if fired.error is None else fired.error.message,
    )
    # another process may have taken it over: what is submitted is recorded all the same
    with suppress(StateConflictError):
        scheduling.client.finish_action(scheduling.workflow_id, action.id or 0, request)
    return fired
