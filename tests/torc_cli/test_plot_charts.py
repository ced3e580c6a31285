"""What is drawn of the samples, and that every kind of file holds it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.monitoring.series import SeriesFile, SeriesJob, SeriesRow
from torc_cli.plots.as_plotly import figure_of, html_of, json_of
from torc_cli.plots.as_png import write_png
from torc_cli.plots.charts import BarChart, Chart, LineChart, charts_of
from torc_cli.plots.reading import JobSeries, SeriesSample, read_series

MIB = 1 << 20
NASTY = "a$x_1$<b>c</b></script>\x1b[31m 你好"


def series(
    job_id: int = 1, *, peak: int = 100 * MIB, limit: int | None = None, seconds: int = 10, name: str = "j"
) -> JobSeries:
    samples = tuple(SeriesSample(1000 + n, 50.0, peak * (n + 1) // seconds, 2, 1) for n in range(seconds))
    return JobSeries(job_id=job_id, name=name, memory_limit_bytes=limit, num_cpus=2, samples=samples)


def charts(*jobs: JobSeries) -> dict[str, Chart]:
    return {chart.stem: chart for chart in charts_of(jobs)}


def memory_panel(job: JobSeries) -> Any:
    chart = charts(job)[f"job_{job.job_id}"]
    assert isinstance(chart, LineChart)
    return chart.panels[1]


def test_there_is_a_chart_for_each_job_and_three_for_all() -> None:
    assert list(charts(series(3), series(7))) == ["job_3", "job_7", "cpu_all_jobs", "memory_all_jobs", "summary"]


def test_a_limit_is_drawn_where_the_curve_stays_visible_and_reported_otherwise() -> None:
    near = memory_panel(series(limit=300 * MIB))
    assert near.limit == (300.0, "300 MB")
    assert near.top > 300
    far = memory_panel(series(limit=100_000 * MIB))
    assert far.limit is None
    assert "far above" in far.title
    assert far.top < 200


def test_attempts_are_distinguished_by_a_gap() -> None:
    samples = (SeriesSample(0, 1.0, MIB, 1, 1), SeriesSample(1, 1.0, MIB, 1, 1), SeriesSample(60, 1.0, MIB, 1, 2))
    panel = memory_panel(JobSeries(job_id=1, name="j", memory_limit_bytes=None, num_cpus=None, samples=samples))
    assert panel.lines[0].y == (1.0, 1.0, None, 1.0)


def test_of_many_samples_the_peaks_stay() -> None:
    samples = tuple(SeriesSample(n, 1.0, MIB * (900 if n == 77_777 else 1), 1, 1) for n in range(100_000))
    panel = memory_panel(JobSeries(job_id=1, name="j", memory_limit_bytes=None, num_cpus=None, samples=samples))
    assert len(panel.lines[0].y) <= 1500
    assert max(panel.lines[0].y) == 900.0


def test_the_summary_shows_the_jobs_nearest_to_their_limit() -> None:
    jobs = [series(n, limit=1000 * MIB, peak=n * 10 * MIB, name=f"job{n}") for n in range(1, 61)]
    summary = charts(*jobs)["summary"]
    assert isinstance(summary, BarChart)
    bars = summary.panels[0].bars
    assert [bar.name for bar in bars[:2]] == ["job60 (60)", "job59 (59)"]
    assert (len(bars), bars[0].label) == (40, "600 MB of 1000 MB (60%)")
    assert bars[0].average < bars[0].peak
    assert "40 of 60 jobs" in summary.subtitle


def test_among_many_jobs_the_largest_are_named() -> None:
    chart = charts(*[series(n, peak=n * MIB) for n in range(1, 31)])["memory_all_jobs"]
    assert isinstance(chart, LineChart)
    names = [line.name for line in chart.panels[0].lines if line.name]
    assert names == [f"j ({n})" for n in range(21, 31)]


def test_plotly_understands_every_figure() -> None:
    plotly = pytest.importorskip("plotly.io")
    for chart in charts_of([series(1, limit=300 * MIB, name=NASTY), series(2)]):
        figure = plotly.from_json(json_of(chart))
        assert len(figure.data) == len(figure_of(chart)["data"])


def test_a_page_needs_no_network_and_takes_no_markup_from_names() -> None:
    page = html_of(list(charts(series(1, name=NASTY)).values()), library="/* the library */")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    assert page.count("</script>") == 2
    assert "<b>c" not in page
    assert "\x1b" not in page
    data = re.search(r"const figures = (.*);\n", page)
    assert data is not None
    figures = json.loads(data[1])
    assert figures["job_1"]["layout"]["title"]["text"].startswith("a$x_1$&lt;b&gt;c")
    assert (
        re.findall(r'<option value="(.*?)">', page)
        == list(figures)
        == ["cpu_all_jobs", "memory_all_jobs", "summary", "job_1"]
    )


@pytest.mark.parametrize("stem", ["job_1", "job_2", "memory_all_jobs", "summary"])
def test_pictures_are_drawn(tmp_path: Path, stem: str) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.png"
    write_png(charts(series(1, limit=300 * MIB, name=NASTY), series(2, seconds=1))[stem], path)
    picture = path.read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 10_000


def test_runs_are_distinguished_and_each_limit_is_drawn(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("r2.db", "r1.db")]
    for path, start, limit in zip(paths, (2000, 1000), (150 * MIB, 100 * MIB), strict=True):
        job = SeriesJob(job_id=9, attempt_id=1, name="sim", num_cpus=1, memory_limit_bytes=limit, runtime_limit_s=None)
        amounts = {"cpu_percent": 1.0, "memory_bytes": 90 * MIB, "num_processes": 1}
        written = SeriesFile(path)
        written.add(
            SeriesRow(job=job, timestamp=start + n, read_bytes=None, write_bytes=None, **amounts) for n in (1, 2)
        )
        written.close()
    [job_series] = read_series(paths)
    panel = memory_panel(job_series)
    assert panel.lines[0].y == (90.0, 90.0, None, 90.0, 90.0)
    assert panel.limit == (150.0, "150 MB")
    assert panel.earlier_limits == ((100.0, "100 MB"),)
    [line_chart, *_] = charts_of([job_series])
    assert "limit 150 MB" in json_of(line_chart)
    assert "limit 100 MB, earlier" in json_of(line_chart)
    write_png(line_chart, tmp_path / "job.png")


def test_what_the_runner_writes_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    job = SeriesJob(job_id=9, attempt_id=2, name="sim", num_cpus=4, memory_limit_bytes=5 * MIB, runtime_limit_s=None)
    written = SeriesFile(path)
    written.add(
        SeriesRow(
            job=job,
            timestamp=1000 + n,
            cpu_percent=12.5,
            memory_bytes=n,
            num_processes=3,
            read_bytes=None,
            write_bytes=1,
        )
        for n in (2, 1)
    )
    written.close()
    assert read_series([path]) == [
        JobSeries(
            job_id=9,
            name="sim",
            memory_limit_bytes=5 * MIB,
            num_cpus=4,
            samples=(SeriesSample(1001, 12.5, 1, 3, 2), SeriesSample(1002, 12.5, 2, 3, 2)),
        )
    ]
