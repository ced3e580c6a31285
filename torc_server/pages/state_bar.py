"""The bar that shows how many jobs are in each status."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from torc_core.jobs.status import JobStatus

_WIDTH: Final = 1000.0
_LEAST: Final = 6.0
"""A status with any job is seen, however many others there are."""
_ORDER: Final = (
    JobStatus.COMPLETED,
    JobStatus.RUNNING,
    JobStatus.PENDING,
    JobStatus.READY,
    JobStatus.BLOCKED,
    JobStatus.UNINITIALIZED,
    JobStatus.DISABLED,
    JobStatus.CANCELED,
    JobStatus.TERMINATED,
    JobStatus.PENDING_FAILED,
    JobStatus.FAILED,
)


class Segment(NamedTuple):
    """A part of the bar, in a width of 1000."""

    status: JobStatus
    jobs: int
    x: float
    width: float


def state_bar(counts: Mapping[JobStatus, int]) -> tuple[Segment, ...]:
    """Return the parts in one order, each as wide as its share; together they fill the bar."""
    present = [(status, counts[status]) for status in _ORDER if counts.get(status)]
    total = sum(count for _, count in present)
    raw = [max(_WIDTH * count / total, _LEAST) for _, count in present]
    scale = _WIDTH / sum(raw) if raw else 1.0
    segments: list[Segment] = []
    x = 0.0
    for (status, count), width in zip(present, raw, strict=True):
        segments.append(Segment(status, count, round(x, 2), round(width * scale, 2)))
        x += width * scale
    return tuple(segments)
