"""The eleven statuses of a job, the integers that stand for them in the database, and named sets."""

from enum import StrEnum
from typing import Final


class JobStatus(StrEnum):
    """Where a job stands. The names go over the wire; `STATUS_CODES` holds the stored integers."""

    UNINITIALIZED = "uninitialized"
    """Created or reset; the next initialize decides between blocked and ready."""
    BLOCKED = "blocked"
    """Waits for at least one dependency."""
    READY = "ready"
    """May be claimed."""
    PENDING = "pending"
    """Claimed by a runner, not started yet."""
    RUNNING = "running"
    """Its process runs."""
    COMPLETED = "completed"
    """Ended with return code 0 and all declared output files."""
    FAILED = "failed"
    """Ended badly, and nobody will retry it without being told."""
    CANCELED = "canceled"
    """Never ran to an end: a dependency failed, or the workflow was canceled."""
    TERMINATED = "terminated"
    """Stopped from outside: signal to the runner, or the runner's time was up."""
    DISABLED = "disabled"
    """Left out by the user."""
    PENDING_FAILED = "pending_failed"
    """The attempt failed and no rule knows why; dependents stay blocked until someone decides retry or fail."""


STATUS_CODES: Final = {
    JobStatus.UNINITIALIZED: 0,
    JobStatus.BLOCKED: 1,
    JobStatus.READY: 2,
    JobStatus.PENDING: 3,
    JobStatus.RUNNING: 4,
    JobStatus.COMPLETED: 5,
    JobStatus.FAILED: 6,
    JobStatus.CANCELED: 7,
    JobStatus.TERMINATED: 8,
    JobStatus.DISABLED: 9,
    JobStatus.PENDING_FAILED: 10,
}
STATUS_BY_CODE: Final = {code: status for status, code in STATUS_CODES.items()}

FINISHED: Final = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.TERMINATED})
"""Resolves a dependency: nothing more will happen to the job by itself."""

DONE: Final = FINISHED | {JobStatus.DISABLED}
"""A workflow is complete when every job is in here."""

ACTIVE: Final = frozenset({JobStatus.PENDING, JobStatus.RUNNING})
"""In the hands of a runner."""

UNSUCCESSFUL: Final = frozenset({JobStatus.FAILED, JobStatus.CANCELED, JobStatus.TERMINATED})
"""Finished without success; cancels dependents that ask for it."""

FAILURES: Final = frozenset({JobStatus.FAILED, JobStatus.TERMINATED, JobStatus.PENDING_FAILED})
"""Ended badly by itself; a canceled job follows the job it depends on."""

RESETTABLE_FAILURES: Final = UNSUCCESSFUL | {JobStatus.PENDING_FAILED}
"""What `reset-status --failed-only` sends back."""

SUCCESSFUL: Final = frozenset({JobStatus.COMPLETED, JobStatus.DISABLED})
"""Exit code 0 of a run needs every job in here."""
