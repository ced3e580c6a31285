"""The life of a job as data: one table of transitions, from which every guard is derived.

The server turns `sources(event)` into `UPDATE … WHERE status IN (…)`: of two writers that race, the second changes
nothing instead of overwriting the first.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from torc_core.jobs.status import JobStatus as S


class Event(StrEnum):
    """The events in the life of a job."""

    BLOCK = "block"
    """initialize: at least one dependency is unresolved."""
    MAKE_READY = "make_ready"
    """initialize: no unresolved dependency."""
    RELEASE = "release"
    """The last unresolved dependency finished."""
    CANCEL_DEPENDENT = "cancel_dependent"
    """A dependency ended without success and the job wants to be canceled then."""
    REOPEN = "reopen"
    """A dependency whose failure canceled this job is tried again."""
    CLAIM = "claim"
    """A runner takes the job."""
    UNCLAIM = "unclaim"
    """The runner releases its claim before the start, or was lost."""
    START = "start"
    """The process was started."""
    COMPLETE = "complete"
    FAIL = "fail"
    TERMINATE = "terminate"
    CANCEL = "cancel"
    """The runner reports the job canceled, or the workflow was canceled, with all jobs that have begun to wait."""
    DEFER = "defer"
    """The attempt failed and waits for a decision."""
    RETRY = "retry"
    """Back to the queue with attempt_id + 1."""
    GIVE_UP = "give_up"
    """Decision on a deferred failure: it is permanent."""
    UNDO = "undo"
    """A decision is undone before anything ran because of it: the failure waits for a decision again."""
    RESET = "reset"
    """Back to the beginning, for a new run."""
    DISABLE = "disable"


_AT_WORK = (S.PENDING, S.RUNNING)
_CANCELABLE = (S.BLOCKED, S.READY, *_AT_WORK)
_ALL_BUT_UNINITIALIZED = tuple(s for s in S if s is not S.UNINITIALIZED)

_RULES: Final[tuple[tuple[Event, tuple[S, ...], S], ...]] = (
    (Event.BLOCK, (S.UNINITIALIZED,), S.BLOCKED),
    (Event.MAKE_READY, (S.UNINITIALIZED,), S.READY),
    (Event.RELEASE, (S.BLOCKED,), S.READY),
    (Event.CANCEL_DEPENDENT, (S.BLOCKED,), S.CANCELED),
    (Event.REOPEN, (S.CANCELED,), S.BLOCKED),
    (Event.CLAIM, (S.READY,), S.PENDING),
    (Event.UNCLAIM, (S.PENDING,), S.READY),
    (Event.START, (S.PENDING,), S.RUNNING),
    (Event.COMPLETE, _AT_WORK, S.COMPLETED),
    (Event.FAIL, _AT_WORK, S.FAILED),
    (Event.TERMINATE, _AT_WORK, S.TERMINATED),
    (Event.CANCEL, _CANCELABLE, S.CANCELED),
    (Event.DEFER, _AT_WORK, S.PENDING_FAILED),
    (Event.RETRY, (S.RUNNING, S.FAILED, S.TERMINATED, S.PENDING_FAILED), S.READY),
    (Event.GIVE_UP, (S.PENDING_FAILED,), S.FAILED),
    (Event.UNDO, (S.READY, S.BLOCKED, S.FAILED), S.PENDING_FAILED),
    (Event.RESET, _ALL_BUT_UNINITIALIZED, S.UNINITIALIZED),
    (Event.DISABLE, (S.UNINITIALIZED,), S.DISABLED),
)

TRANSITIONS: Final[Mapping[tuple[S, Event], S]] = {
    (source, event): target for event, sources_, target in _RULES for source in sources_
}
"""(status, event) -> next status. A pair that is missing must not happen."""

_TARGETS: Final[Mapping[Event, S]] = {event: target for event, _, target in _RULES}
_SOURCES: Final[Mapping[Event, frozenset[S]]] = {event: frozenset(s) for event, s, _ in _RULES}

OUTCOME_EVENTS: Final[Mapping[S, Event]] = {
    S.COMPLETED: Event.COMPLETE,
    S.FAILED: Event.FAIL,
    S.TERMINATED: Event.TERMINATE,
    S.CANCELED: Event.CANCEL,
    S.PENDING_FAILED: Event.DEFER,
}
"""The status a runner may report for an ended attempt -> the event that brings it about."""


def sources(event: Event) -> frozenset[S]:
    """Return every status in which `event` may happen."""
    return _SOURCES[event]


def target(event: Event) -> S:
    """Return the status that `event` leads to; each event has exactly one."""
    return _TARGETS[event]


def may_retry(attempt_id: int, *, max_retries: int, infrastructure_faults: int = 0, lost_claims: int = 0) -> bool:
    """Return whether a handler with `max_retries` allows another attempt.

    Attempts count from 1, so `max_retries` = 3 allows attempts 1, 2 and 3. Attempts lost to
    infrastructure faults (node failure, preemption, lost runner) are not charged, nor are numbers
    that were given to a runner and never became an attempt.
    """
    return attempt_id - infrastructure_faults - lost_claims < max_retries


INFRASTRUCTURE_FAULT_LIMIT: Final = 5
"""How often a job is retried without a decision after infrastructure faults.

A node that kills every job would otherwise get the same job for ever.
"""


def may_go_back(infrastructure_faults: int) -> bool:
    """Return whether a job is retried without a decision after one more infrastructure fault."""
    return infrastructure_faults < INFRASTRUCTURE_FAULT_LIMIT
