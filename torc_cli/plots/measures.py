"""Numbers to draw: what is read of samples, their units, and the ends of axes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from torc_cli.plots.reading import JobSeries, SeriesSample

_UNITS: Final = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"), (1, "B"))


def cpu_percent(sample: SeriesSample) -> float:
    return sample.cpu_percent


def memory_bytes(sample: SeriesSample) -> float:
    return float(sample.memory_bytes)


def num_processes(sample: SeriesSample) -> float:
    return float(sample.num_processes)


def peaks_of(jobs: Sequence[JobSeries], read: Callable[[SeriesSample], float]) -> list[float]:
    return [max(map(read, job.samples)) for job in jobs]


def peak_and_average(job: JobSeries, read: Callable[[SeriesSample], float]) -> tuple[float, float]:
    values = [read(sample) for sample in job.samples]
    return max(values), sum(values) / len(values)


def span_of(jobs: Sequence[JobSeries]) -> tuple[int, int]:
    """Return the first moment, and the seconds to the last."""
    first = min(job.samples[0].timestamp for job in jobs)
    return first, max(job.samples[-1].timestamp for job in jobs) - first


def time_unit(span_s: int) -> tuple[float, str]:
    if span_s <= 300:
        return 1.0, "s"
    return (60.0, "min") if span_s <= 3 * 3600 else (3600.0, "h")


def memory_unit(largest: float) -> tuple[int, str]:
    return next((unit for unit in _UNITS if largest >= unit[0]), _UNITS[-1])


def rounded_memory(amount: float) -> str:
    scale, unit = memory_unit(amount)
    value = amount / scale
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def moment(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC"


def axis_top(highest: float) -> float:
    """Return the end of an axis, with a little room above; never an axis without height."""
    return highest * 1.08 or 1.0
