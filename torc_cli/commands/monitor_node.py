"""`torc monitor-node`: what a machine uses over time."""

import os
import signal
import socket
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from torc_cli.commands.options.recovery import OutputDirOption
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.resources.memory import describe_memory


@command
def monitor_node(
    session: Session,
    *,
    workflow_id: Annotated[
        int | None, typer.Option("-w", "--workflow-id", help="The workflow that is named in the file; it is not asked.")
    ] = None,
    output_dir: OutputDirOption = None,
    interval: Annotated[
        float, typer.Option("-i", "--interval", min=0.1, metavar="SECONDS", help="Take a sample every so many seconds.")
    ] = 10.0,
    flush_interval: Annotated[
        float,
        typer.Option("--flush-interval-seconds", min=1, help="Write samples at least every so many seconds."),
    ] = 300.0,
    duration: Annotated[
        float | None, typer.Option("-d", "--duration", min=0, metavar="MINUTES", help="End after so many minutes.")
    ] = None,
    summary_only: Annotated[
        bool, typer.Option("--summary-only", help="Write no file, and only print peaks and averages.")
    ] = False,
) -> None:
    """Measure CPU and memory of this machine until Ctrl-C, SIGTERM or SIGUSR1, and print peaks and averages.

    The samples are in a file that `torc plot-resources` draws.

    For example: `torc monitor-node -i 5 --duration 30`.
    """
    from runner.base.paths import RESOURCE_UTILIZATION
    from runner.monitoring.node import monitor_node as monitor
    from runner.monitoring.series import SeriesFile

    hostname = socket.gethostname()
    folder = (output_dir or Path(session.settings.output_dir)) / RESOURCE_UTILIZATION
    of_workflow = "" if workflow_id is None else f"wf{workflow_id}_"
    path = folder / f"resource_metrics_{of_workflow}monitor_{hostname}_{os.getpid()}.db"
    series = None if summary_only else SeriesFile(path, flush_every_s=flush_interval)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: ended.set())
    session.out.note(f"Measuring {hostname} every {interval:g} s.")
    summary = monitor(
        hostname,
        interval_s=interval,
        series=series,
        wait=ended.wait,
        duration_s=None if duration is None else duration * 60,
    )
    if series is not None:
        series.close()
        if series.problem is not None:
            raise InvalidInputError(series.problem, hint="name another folder with -o")
    cpus, memory = summary.num_cpus, describe_memory(summary.total_memory_bytes)
    lines = [
        f"{hostname}: {summary.sample_count} samples",
        f"  CPU     peak {summary.peak_cpu_percent:.0f}%, average {summary.avg_cpu_percent:.0f}% of {cpus * 100}%",
        f"  Memory  peak {describe_memory(summary.peak_memory_bytes)}, average "
        f"{describe_memory(round(summary.avg_memory_bytes))} of {memory}",
    ]
    if series is not None:
        lines.append(f"Samples: {path}")
    session.out.done(lines, {**asdict(summary), "file": None if series is None else str(path)})
