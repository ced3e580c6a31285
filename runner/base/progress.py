"""Events of a run for its caller, who decides how to show them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torc_core.hints import Line
from torc_core.jobs.status import JobStatus


@dataclass(frozen=True, slots=True)
class JobStarted:
    job_id: int
    job_name: str
    attempt_id: int


@dataclass(frozen=True, slots=True)
class JobEnded:
    """`status` as the runner reports it; `will_retry` when a rule allows another attempt."""

    job_id: int
    job_name: str
    attempt_id: int
    status: JobStatus
    return_code: int
    duration_s: float
    will_retry: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the user."""

    level: Literal["info", "warning", "error"]
    text: Line


Progress = JobStarted | JobEnded | Notice
ProgressCallback = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Ignore the event; for callers that show nothing."""
