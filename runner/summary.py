"""How a run ended."""

from dataclasses import dataclass
from enum import StrEnum

from torc_core.api.jobs import Outlook
from torc_core.jobs.status import JobStatus


class ExitReason(StrEnum):
    """Why the runner left."""

    COMPLETE = "complete"
    NOTHING_LEFT = "nothing_left"
    """Jobs are left, but none that could ever become ready for this runner."""
    WAITED = "waited"
    """Other runners are at work, and nothing came for this one in the time it was told to wait."""
    CANCELED = "canceled"
    INTERRUPTED = "interrupted"
    TIME_UP = "time_up"


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What this runner did. The counts are of attempts it ran; `explanation` says why it left."""

    workflow_id: int
    run_id: int
    compute_node_id: int
    reason: ExitReason
    explanation: str
    started: int
    completed: int
    failed: int
    terminated: int
    retried: int
    duration_s: float

    @property
    def was_told_to_leave(self) -> bool:
        """Somebody, or the clock, ended the run; it is not to be gone on with."""
        return self.reason in (ExitReason.INTERRUPTED, ExitReason.TIME_UP, ExitReason.CANCELED)


@dataclass(slots=True)
class Tally:
    """Counts while the run goes on."""

    started: int = 0
    completed: int = 0
    failed: int = 0
    terminated: int = 0
    retried: int = 0

    def count(self, status: JobStatus, *, will_retry: bool) -> None:
        if will_retry:
            self.retried += 1
        elif status is JobStatus.COMPLETED:
            self.completed += 1
        elif status is JobStatus.TERMINATED:
            self.terminated += 1
        else:
            self.failed += 1


def reason_to_leave(outlook: Outlook) -> ExitReason | None:
    """For a runner that holds nothing and was given nothing; None while something may still come."""
    if outlook.is_canceled:
        return ExitReason.CANCELED
    if outlook.is_complete:
        return ExitReason.COMPLETE
    if outlook.active == 0 and outlook.ready_that_fit == 0:
        return ExitReason.NOTHING_LEFT
    return None


def explain(reason: ExitReason, outlook: Outlook | None, *, workflow_id: int, machine: str) -> str:
    """One line for the user; `machine` describes what this runner has."""
    match reason:
        case ExitReason.COMPLETE:
            return f"workflow {workflow_id} is complete"
        case ExitReason.CANCELED:
            return f"workflow {workflow_id} was canceled"
        case ExitReason.INTERRUPTED:
            return "interrupted: running jobs were stopped, claimed ones given back"
        case ExitReason.TIME_UP:
            return "the runner's time is up"
        case ExitReason.WAITED:
            return "other runners are at work, and nothing came for this one in the time it was told to wait"
        case ExitReason.NOTHING_LEFT:
            return _what_is_left(outlook or Outlook(), workflow_id, machine)


def _what_is_left(outlook: Outlook, workflow_id: int, machine: str) -> str:
    parts: list[str] = []
    if outlook.pending_failed:
        parts.append(
            f"{_jobs(outlook.pending_failed, 'waits', 'wait')} for a decision: `torc failures list {workflow_id}`"
        )
    if outlook.ready:
        parts.append(f"{_jobs(outlook.ready, 'is ready but needs', 'are ready but need')} more than {machine}")
    if outlook.blocked:
        parts.append(f"{_jobs(outlook.blocked, 'waits', 'wait')} for others that did not complete")
    return "; ".join(parts) or f"nothing in workflow {workflow_id} can become ready"


def _jobs(number: int, one: str, many: str) -> str:
    return f"1 job {one}" if number == 1 else f"{number} jobs {many}"
