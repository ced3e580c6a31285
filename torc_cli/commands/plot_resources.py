"""`torc plot-resources`: what jobs used over time, drawn from the files of runners."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, assert_never

import typer

from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError

if TYPE_CHECKING:
    from torc_cli.plots.charts import Chart

_NAMES_SHOWN: Final = 10


class PlotFormat(StrEnum):
    HTML = "html"
    JSON = "json"
    PNG = "png"


@command
def plot_resources(
    session: Session,
    databases: Annotated[
        list[Path], typer.Argument(metavar="DB...", help="Read these files, found below output/resource_utilization.")
    ],
    *,
    output_dir: Annotated[Path, typer.Option("-o", "--output-dir", help="Write the plots to this folder.")] = Path(),
    job_ids: Annotated[
        str | None, typer.Option("-j", "--job-ids", metavar="ID,ID", help="Draw only these jobs; all when left out.")
    ] = None,
    prefix: Annotated[
        str, typer.Option("-p", "--prefix", help="Begin the names of the files with this.")
    ] = "resource_plot",
    format_: Annotated[
        PlotFormat, typer.Option("-f", "--format", help="Write one page for all jobs, Plotly's own JSON, or pictures.")
    ] = PlotFormat.HTML,
) -> None:
    """Draw CPU, memory and processes of jobs over time, from the files that runners leave.

    For example: `torc plot-resources output/resource_utilization/*.db -o plots`.
    """
    from torc_cli.plots.charts import charts_of
    from torc_cli.plots.reading import read_series

    if "/" in prefix:
        raise InvalidInputError(f"the prefix {prefix!r} names a folder", hint="name the folder with --output-dir")
    jobs = read_series(databases, job_ids=_parse_ids(job_ids))
    files = list(write_plots(list(charts_of(jobs)), output_dir, prefix, format_))
    names = [f"  {file}" for file in files[:_NAMES_SHOWN]]
    if len(files) > _NAMES_SHOWN:
        names.append(f"  and {len(files) - _NAMES_SHOWN} more")
    session.out.done(
        "\n".join([f"Wrote {number(len(files), 'file')} about {number(len(jobs), 'job')}:", *names]),
        {
            "status": "success",
            "format": format_,
            "job_ids": [job.job_id for job in jobs],
            "files": [str(file) for file in files],
        },
    )


def _parse_ids(text: str | None) -> list[int]:
    if text is None:
        return []
    words = text.replace(",", " ").split()
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        raise InvalidInputError(f"--job-ids: {text!r} is no list of ids", hint="separate them by commas: -j 3,7")
    return [int(word) for word in words]


def write_plots(charts: "list[Chart]", folder: Path, prefix: str, format_: PlotFormat) -> Iterator[Path]:
    """Write the files and yield each; write nothing where the library is missing."""
    from torc_cli.plots.as_plotly import html_of, json_of, library_text
    from torc_cli.plots.as_png import write_png
    from torc_cli.plots.libraries import load_library

    def path_of(chart: "Chart") -> Path:
        return folder / f"{prefix}_{chart.stem}.{format_}"

    match format_:
        case PlotFormat.JSON:
            folder.mkdir(parents=True, exist_ok=True)
            for chart in charts:
                yield _write_text(path_of(chart), json_of(chart))
        case PlotFormat.PNG:
            load_library("matplotlib")
            folder.mkdir(parents=True, exist_ok=True)
            for chart in charts:
                write_png(chart, path_of(chart))
                yield path_of(chart)
        case PlotFormat.HTML:
            page = html_of(charts, library=library_text())
            folder.mkdir(parents=True, exist_ok=True)
            yield _write_text(folder / f"{prefix}.html", page)
        case _:
            assert_never(format_)


def _write_text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
