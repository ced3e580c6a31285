"""The statuses of a job, and the one table of everything that is decided by a status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Severity = Literal["debug", "info", "warning", "error"]
"""The severity of an event."""

Ending = Literal["success", "failure", "canceled"]
"""How a job came to its status: well, badly by itself, or because of something else."""


class JobStatus(StrEnum):
    """Where a job stands, in the order of its life."""

    UNINITIALIZED = "uninitialized"
    BLOCKED = "blocked"
    READY = "ready"
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    TERMINATED = "terminated"
    DISABLED = "disabled"
    PENDING_FAILED = "pending_failed"


@dataclass(frozen=True, kw_only=True)
class StatusTraits:
    """Everything that is decided by a status alone. No field has a default, so that a new status decides each.

    `ending` is None while the job has not ended.
    """

    code: int
    """The integer that databases hold; never given to another status."""
    summary: str
    """What the status means, for people."""
    colour: str
    """The style of the status in tables on a terminal."""
    severity: Severity
    """The severity of the event that announces the status."""
    is_fresh: bool
    """Nothing happened to the job since its workflow was created or reset."""
    is_startable: bool
    """A runner could take the job now, or once it has initialized the workflow."""
    is_active: bool
    """A runner holds the job."""
    is_done: bool
    """Nothing more happens to the job by itself: it resolves dependencies and may complete the workflow."""
    ending: Ending | None


_S = JobStatus
STATUS_TRAITS: Final[Mapping[JobStatus, StatusTraits]] = {
    _S.UNINITIALIZED: StatusTraits(
        code=0,
        summary="created or reset; the next initialize decides between blocked and ready",
        colour="bright_black",
        severity="info",
        is_fresh=True,
        is_startable=True,
        is_active=False,
        is_done=False,
        ending=None,
    ),
    _S.BLOCKED: StatusTraits(
        code=1,
        summary="waits for at least one dependency",
        colour="bright_black",
        severity="info",
        is_fresh=False,
        is_startable=False,
        is_active=False,
        is_done=False,
        ending=None,
    ),
    _S.READY: StatusTraits(
        code=2,
        summary="may be claimed",
        colour="cyan",
        severity="info",
        is_fresh=False,
        is_startable=True,
        is_active=False,
        is_done=False,
        ending=None,
    ),
    _S.PENDING: StatusTraits(
        code=3,
        summary="claimed by a runner, not started yet",
        colour="blue",
        severity="info",
        is_fresh=False,
        is_startable=False,
        is_active=True,
        is_done=False,
        ending=None,
    ),
    _S.RUNNING: StatusTraits(
        code=4,
        summary="its process runs",
        colour="yellow",
        severity="info",
        is_fresh=False,
        is_startable=False,
        is_active=True,
        is_done=False,
        ending=None,
    ),
    _S.COMPLETED: StatusTraits(
        code=5,
        summary="ended with return code 0 and all declared output files",
        colour="green",
        severity="info",
        is_fresh=False,
        is_startable=False,
        is_active=False,
        is_done=True,
        ending="success",
    ),
    _S.FAILED: StatusTraits(
        code=6,
        summary="failed, and is not tried again unless somebody asks for it",
        colour="red",
        severity="error",
        is_fresh=False,
        is_startable=False,
        is_active=False,
        is_done=True,
        ending="failure",
    ),
    _S.CANCELED: StatusTraits(
        code=7,
        summary="did not run to its end: a dependency failed, or the workflow was canceled",
        colour="magenta",
        severity="warning",
        is_fresh=False,
        is_startable=False,
        is_active=False,
        is_done=True,
        ending="canceled",
    ),
    _S.TERMINATED: StatusTraits(
        code=8,
        summary="stopped from outside: a signal to the runner, or the end of the runner's time",
        colour="magenta",
        severity="warning",
        is_fresh=False,
        is_startable=False,
        is_active=False,
        is_done=True,
        ending="failure",
    ),
    _S.DISABLED: StatusTraits(
        code=9,
        summary="left out by the user",
        colour="bright_black",
        severity="info",
        is_fresh=True,
        is_startable=False,
        is_active=False,
        is_done=True,
        ending="success",
    ),
    _S.PENDING_FAILED: StatusTraits(
        code=10,
        summary="the attempt failed and waits for a decision (retry or fail); its dependents stay blocked",
        colour="bold red",
        severity="warning",
        is_fresh=False,
        is_startable=False,
        is_active=False,
        is_done=False,
        ending="failure",
    ),
}


def _all_with(has_trait: Callable[[StatusTraits], bool]) -> frozenset[JobStatus]:
    """Return the statuses that have the trait. Raises KeyError on import when a status is missing in the table."""
    return frozenset(status for status in JobStatus if has_trait(STATUS_TRAITS[status]))


STATUS_CODES: Final = {status: STATUS_TRAITS[status].code for status in JobStatus}
STATUS_BY_CODE: Final = {code: status for status, code in STATUS_CODES.items()}

FRESH: Final = _all_with(lambda traits: traits.is_fresh)
"""A workflow was not started yet when every job is in here."""

STARTABLE: Final = _all_with(lambda traits: traits.is_startable)
"""Can go on as soon as there is a runner."""

ACTIVE: Final = _all_with(lambda traits: traits.is_active)
"""Held by a runner."""

DONE: Final = _all_with(lambda traits: traits.is_done)
"""A workflow is complete when every job is in here."""

FINISHED: Final = DONE - FRESH
"""Done, and not because the user left the job out."""

SUCCESSFUL: Final = _all_with(lambda traits: traits.ending == "success")
"""Exit code 0 of a run needs every job in here."""

FAILURES: Final = _all_with(lambda traits: traits.ending == "failure")
"""Ended badly by itself; a canceled job follows the job it depends on."""

FAILED_FOR_GOOD: Final = FAILURES & DONE
"""Failed without an open decision: what a runner reports of a failed attempt, and what a handler's rule may retry."""

AWAITING_DECISION: Final = FAILURES - DONE
"""Failed, and somebody has to decide between retry and fail."""

UNSUCCESSFUL: Final = FINISHED - SUCCESSFUL
"""Finished without success; cancels dependents that ask for it."""

RESETTABLE_FAILURES: Final = UNSUCCESSFUL | FAILURES
"""The statuses that `reset-status --failed-only` resets."""

ATTEMPTED: Final = (SUCCESSFUL - FRESH) | FAILURES
"""Ended by an attempt of its own in this run, so that a result exists."""
