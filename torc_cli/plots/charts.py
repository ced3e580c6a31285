"""Charts in plain numbers, the same for every kind of file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from torc_cli.plots.measures import (
    axis_top,
    cpu_percent,
    memory_bytes,
    memory_unit,
    moment,
    num_processes,
    peak_and_average,
    peaks_of,
    rounded_memory,
    span_of,
    time_unit,
)
from torc_cli.plots.reading import JobSeries, SeriesSample
from torc_cli.render.text import display, number
from torc_core.resources.memory import describe_memory

NAMED_LINES: Final = 10
"""So many lines get a colour and a name; the others are drawn in grey."""
BARS: Final = 40
_POINTS: Final = 1500
_POINTS_AMONG_OTHERS: Final = 300
_FAR: Final = 8.0
"""A limit so many times above what is drawn would flatten the curve: it is named in the title, not drawn."""
_NAME_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class Curve:
    """`y` None: a gap. A line without a name is one of many others."""

    name: str | None
    x: tuple[float, ...]
    y: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One pair of axes. `limit` is a height and what to call it; the y axis ends at `top`."""

    title: str
    y_label: str
    lines: tuple[Curve, ...]
    top: float
    limit: tuple[float, str] | None = None
    earlier_limits: tuple[tuple[float, str], ...] = ()
    """Those of earlier runs."""
    tick: float | None = None
    """The distance of ticks where they must be whole."""

    @property
    def limits(self) -> list[tuple[float, str]]:
        """Return every height to draw a limit at, and its name."""
        earlier = [(height, f"{name}, earlier") for height, name in self.earlier_limits]
        return [*earlier, self.limit] if self.limit else earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Panels below each other over one axis of time."""

    stem: str
    title: str
    subtitle: str
    x_label: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    peak: float
    average: float
    limit: float | None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarPanel:
    """The x axis ends at `top`; limits beyond it stand in the labels only."""

    title: str
    x_label: str
    bars: tuple[Bar, ...]
    top: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Panels beside each other; one row for each job."""

    stem: str
    title: str
    subtitle: str
    panels: tuple[BarPanel, ...]


Chart = LineChart | BarChart


def charts_of(jobs: Sequence[JobSeries]) -> Iterator[Chart]:
    """Return one chart for each job, then those of all."""
    yield from map(_of_job, jobs)
    yield _of_all(
        jobs, stem="cpu_all_jobs", title="CPU of all jobs", y_label="CPU [% of one core]", read=cpu_percent, scale=1
    )
    scale, unit = memory_unit(max(peaks_of(jobs, memory_bytes)))
    yield _of_all(
        jobs,
        stem="memory_all_jobs",
        title="Memory of all jobs",
        y_label=f"Memory [{unit}]",
        read=memory_bytes,
        scale=scale,
    )
    yield _summary(jobs)


def label_of(job: JobSeries) -> str:
    """Return `name (id)`, short enough for a legend."""
    name = display(job.name)
    return f"{name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + '…'} ({job.job_id})"


# -- one job --------------------------------------------------------------------------------------


def _of_job(job: JobSeries) -> LineChart:
    start, span = span_of([job])
    seconds, unit = time_unit(span)
    peak = max(sample.memory_bytes for sample in job.samples)
    cpu_limit = None if job.num_cpus is None else (100.0 * job.num_cpus, number(job.num_cpus, "CPU"))
    return LineChart(
        stem=f"job_{job.job_id}",
        title=label_of(job),
        subtitle=f"from {moment(start)}, {number(len(job.samples), 'sample')}",
        x_label=f"Time [{unit}]",
        panels=(
            _panel("CPU", "% of one core", _line(job, cpu_percent, start, seconds, 1), cpu_limit),
            _memory_panel(job, memory_unit(peak), start, seconds),
            _process_panel(_line(job, num_processes, start, seconds, 1)),
        ),
    )


def _memory_panel(job: JobSeries, unit: tuple[int, str], start: int, seconds: float) -> Panel:
    scale, name = unit
    limit = job.memory_limit_bytes
    described = None if limit is None else (limit / scale, describe_memory(limit))
    panel = _panel("Memory", name, _line(job, memory_bytes, start, seconds, scale), described)
    earlier = [(each / scale, describe_memory(each)) for each in job.earlier_limits_bytes]
    near = tuple(each for each in earlier if each[0] <= panel.top * _FAR)
    return replace(panel, earlier_limits=near, top=max([panel.top, *(axis_top(height) for height, _ in near)]))


def _process_panel(line: Curve) -> Panel:
    panel = _panel("Processes", "number", line, None)
    return replace(panel, tick=float(-(-panel.top // 6)))


def _panel(title: str, y_label: str, line: Curve, limit: tuple[float, str] | None) -> Panel:
    peak = max((value for value in line.y if value is not None), default=0.0)
    is_far = limit is not None and limit[0] > peak * _FAR
    if limit is not None and is_far:
        title += f" (limit {limit[1]}, far above)"
    highest = peak if limit is None or is_far else max(peak, limit[0])
    return Panel(title=title, y_label=y_label, lines=(line,), top=axis_top(highest), limit=None if is_far else limit)


# -- all jobs -------------------------------------------------------------------------------------


def _of_all(
    jobs: Sequence[JobSeries],
    *,
    stem: str,
    title: str,
    y_label: str,
    read: Callable[[SeriesSample], float],
    scale: int,
) -> LineChart:
    start, span = span_of(jobs)
    seconds, unit = time_unit(span)
    peaks = peaks_of(jobs, read)
    by_peak = sorted(range(len(jobs)), key=lambda place: -peaks[place])
    named = set(by_peak[:NAMED_LINES])
    # the named ones last, so that they are drawn above the others
    lines = [
        _line(
            jobs[place],
            read,
            start,
            seconds,
            scale,
            name=label_of(jobs[place]) if place in named else None,
            is_among_others=len(jobs) > 1,
        )
        for place in reversed(by_peak)
    ]
    others = len(jobs) - len(named)
    panel = Panel(title="", y_label=y_label, lines=tuple(lines), top=axis_top(max(peaks) / scale))
    return LineChart(
        stem=stem,
        title=title,
        subtitle=f"{number(len(jobs), 'job')} from {moment(start)}"
        + (f"; the {NAMED_LINES} largest are named, {number(others, 'other')} in grey" if others else ""),
        x_label=f"Time [{unit}]",
        panels=(panel,),
    )


def _summary(jobs: Sequence[JobSeries]) -> BarChart:
    ordered = sorted(jobs, key=_nearness, reverse=True)[:BARS]
    scale, unit = memory_unit(max(peaks_of(ordered, memory_bytes)))
    left_out = len(jobs) - len(ordered)
    return BarChart(
        stem="summary",
        title="Peak, average and limit",
        subtitle=f"the {len(ordered)} of {len(jobs)} jobs nearest to their memory limit"
        if left_out
        else number(len(jobs), "job"),
        panels=(
            _bar_panel("Memory", unit, [_memory_bar(job, scale) for job in ordered]),
            _bar_panel("CPU", "% of one core", [_cpu_bar(job) for job in ordered]),
        ),
    )


def _nearness(job: JobSeries) -> tuple[float, float]:
    peak = max(sample.memory_bytes for sample in job.samples)
    return (peak / job.memory_limit_bytes if job.memory_limit_bytes else 0.0), peak


def _memory_bar(job: JobSeries, scale: int) -> Bar:
    peak, average = peak_and_average(job, memory_bytes)
    limit = job.memory_limit_bytes
    label = rounded_memory(peak)
    if limit:
        label += f" of {rounded_memory(limit)} ({peak / limit:.0%})"
    return Bar(label_of(job), peak / scale, average / scale, limit / scale if limit else None, label)


def _cpu_bar(job: JobSeries) -> Bar:
    peak, average = peak_and_average(job, cpu_percent)
    limit = None if job.num_cpus is None else 100.0 * job.num_cpus
    label = f"{peak:.0f}%" + (f" of {limit:.0f}%" if limit else "")
    return Bar(label_of(job), peak, average, limit, label)


def _bar_panel(title: str, x_label: str, bars: Sequence[Bar]) -> BarPanel:
    highest = max(bar.peak for bar in bars)
    near = [bar.limit for bar in bars if bar.limit is not None and bar.limit <= highest * _FAR]
    return BarPanel(title=title, x_label=x_label, bars=tuple(bars), top=axis_top(max([highest, *near])))


# -- lines ----------------------------------------------------------------------------------------


def _line(
    job: JobSeries,
    read: Callable[[SeriesSample], float],
    start: int,
    seconds: float,
    scale: int,
    *,
    name: str | None = None,
    is_among_others: bool = False,
) -> Curve:
    """Return one line through the attempts, with a gap between them; coarser where it is one of many."""
    points = _POINTS_AMONG_OTHERS if is_among_others else _POINTS
    x: list[float] = []
    y: list[float | None] = []
    for _, attempt in groupby(job.samples, key=lambda sample: (sample.source, sample.attempt_id)):
        samples = list(attempt)
        if x:
            x.append((samples[0].timestamp - start) / seconds)
            y.append(None)
        for sample, value in _thinned(samples, read, points):
            x.append((sample.timestamp - start) / seconds)
            y.append(value / scale)
    return Curve(name, tuple(x), tuple(y))


def _thinned(
    samples: Sequence[SeriesSample], read: Callable[[SeriesSample], float], points: int
) -> Iterator[tuple[SeriesSample, float]]:
    """Return the largest of every few samples where there are more than anybody could see; peaks are kept."""
    step = -(-len(samples) // points)
    for begin in range(0, len(samples), step):
        best = max(samples[begin : begin + step], key=read)
        yield best, read(best)
