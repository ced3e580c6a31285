"""`torc exec`: commands as jobs at once, without a workflow file."""

import shlex
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from torc_cli.commands.options.recovery import OutputDirOption
from torc_cli.commands.run import create_workflow, load_runner, seconds_of
from torc_cli.commands.run_rounds import make_ready_and_run
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.base.settings import RunnerOptions
    from torc_core.api.drafts import WorkflowDraft

JOBS: Final = Table("jobs", (Column("Job", "name"), Column("Command", "command")))
_NEEDS: Final = "What each job may use"
_RECORD: Final = "What is kept"


class Link(StrEnum):
    """How several parameters go together."""

    PRODUCT = "product"
    ZIP = "zip"


class MonitorChoice(StrEnum):
    """What is kept of the memory and CPU of jobs."""

    OFF = "off"
    SUMMARY = "summary"
    TIME_SERIES = "time-series"


class Stdio(StrEnum):
    """Where the output of jobs goes."""

    SEPARATE = "separate"
    COMBINED = "combined"
    NO_STDOUT = "no-stdout"
    NO_STDERR = "no-stderr"
    NONE = "none"


@command
def exec_(
    session: Session,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- WORD...]", help="One command, as words: `torc exec -- python fit.py`."),
    ] = None,
    *,
    commands: Annotated[
        list[str] | None, typer.Option("-c", "--command", help="A command that bash runs; may be repeated.")
    ] = None,
    commands_file: Annotated[
        Path | None,
        typer.Option("-C", "--commands-file", metavar="FILE|-", help="Read commands, one a line; - is standard input."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=VALUES",
            help="Run each command that has {NAME} with every value: a range 1:100, a list [a,b], or @FILE with a "
            "value in each line; may be repeated.",
        ),
    ] = None,
    link: Annotated[
        Link, typer.Option("--link", help="Combine parameters each with each, or the first with the first.")
    ] = Link.PRODUCT,
    max_parallel_jobs: Annotated[
        int | None,
        typer.Option(
            "-j",
            "--max-parallel-jobs",
            min=1,
            help="Run so many jobs at once; as many as there are CPUs when left out.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("-n", "--name", help="Name of the workflow; `exec_` and the time when left out.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description", help="What the workflow is for.")] = None,
    num_cpus: Annotated[
        int | None, typer.Option("--cpus-per-job", min=1, help="CPUs, 1 when left out.", rich_help_panel=_NEEDS)
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory-per-job",
            metavar="AMOUNT",
            help="Memory, for example 2g; a job over it ends.",
            rich_help_panel=_NEEDS,
        ),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime-per-job",
            metavar="ISO8601",
            help="Time, for example PT4H; a job over it ends.",
            rich_help_panel=_NEEDS,
        ),
    ] = None,
    retries: Annotated[
        int,
        typer.Option("--retries", min=0, help="Run a job that fails again, at most so often.", rich_help_panel=_NEEDS),
    ] = 0,
    time_limit: Annotated[
        str | None,
        typer.Option("--time-limit", metavar="ISO8601", help="Stop all after this time, for example PT4H."),
    ] = None,
    output_dir: OutputDirOption = None,
    stdio: Annotated[
        Stdio,
        typer.Option("--stdio", help="Which output of jobs is kept, and in how many files.", rich_help_panel=_RECORD),
    ] = Stdio.SEPARATE,
    monitor: Annotated[
        MonitorChoice,
        typer.Option("--monitor", help="What is kept of memory and CPU over time.", rich_help_panel=_RECORD),
    ] = MonitorChoice.SUMMARY,
    sample_interval: Annotated[
        int | None,
        typer.Option(
            "-i",
            "--sample-interval-seconds",
            min=1,
            help="Take a sample every so many seconds.",
            rich_help_panel=_RECORD,
        ),
    ] = None,
    generate_plots: Annotated[
        bool,
        typer.Option(
            "--generate-plots",
            help="Draw memory and CPU over time at the end; keeps time series.",
            rich_help_panel=_RECORD,
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the jobs, and ask no server.")] = False,
) -> None:
    """Run commands as jobs on this machine, without a workflow file.

    The jobs, their results and their logs stay in the database: `torc results list` shows them. The exit code is 1
    when a job did not complete.

    For example: `torc -s exec -c 'gzip {file}' --param file=@files.txt -j 8`.
    """
    from torc_client.ad_hoc import AdHocWorkflow, parse_parameter, read_commands

    given = [*(commands or ()), *(read_commands(commands_file) if commands_file else ())]
    if words:
        given.append(shlex.join(words))
    if not given:
        raise InvalidInputError(
            "there is no command",
            hint=Hint("name one: `{}`, or a file of them with -C, or words behind --", torc("exec", "-c", "sleep 1")),
        )
    pairs = [parse_parameter(text) for text in param or ()]
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise InvalidInputError("--param: a name is given twice", hint="write its values as a list: --param x=[a,b]")
    workflow = AdHocWorkflow(
        name=name or f"exec_{datetime.now().astimezone():%Y%m%d_%H%M%S}",
        commands=given,
        description=description,
        parameters=parameters,
        mode=link.value,
        num_cpus=num_cpus,
        memory=memory,
        runtime=runtime,
        retries=retries,
        resource_monitor=_monitoring(monitor, sample_interval, plots=generate_plots),
        stdio=None if stdio is Stdio.SEPARATE else stdio.value.replace("-", "_"),
    )
    draft, report = workflow.draft(user=session.settings.user, folder=Path.cwd())
    for warning in report.warnings:
        session.out.note(f"Warning: {warning}")
    if dry_run:
        _show(session, draft)
        return
    if generate_plots:
        from torc_cli.plots.libraries import load_library

        load_library("plotly")  # missing, it is missed before hours of work and not after them
    from runner.base.settings import RunnerOptions

    session.load = load_runner
    options = RunnerOptions(
        output_dir=output_dir or Path(session.settings.output_dir),
        # so many jobs at once as asked for: their number is what people know of short commands
        num_cpus=None if max_parallel_jobs is None else max_parallel_jobs * (num_cpus or 1),
        max_parallel_jobs=max_parallel_jobs,
        time_limit_s=seconds_of(time_limit),
        job_token=session.settings.job_token,
        submits_allocations=False,
    )
    workflow_id = create_workflow(session, draft, options, force=False)
    _run(session, workflow_id, options, generate_plots=generate_plots)


def _monitoring(monitor: MonitorChoice, interval_s: int | None, *, plots: bool) -> dict[str, Any]:
    """Return the `resource_monitor` of the workflow. Raises InvalidInputError for options that exclude each other."""
    if monitor is MonitorChoice.OFF:
        if plots or interval_s is not None:
            raise InvalidInputError(
                "--monitor off keeps no samples, which --generate-plots and --sample-interval-seconds are about",
                hint="use --monitor time-series",
            )
        return {"enabled": False}
    is_series = plots or monitor is MonitorChoice.TIME_SERIES
    body: dict[str, Any] = {"granularity": "time_series"} if is_series else {}
    if interval_s is not None:
        body["sample_interval_seconds"] = interval_s
    return body


def _show(session: Session, draft: "WorkflowDraft") -> None:
    if session.is_json:
        session.out.record(draft)
    else:
        session.out.records(JOBS, draft.jobs)


def _run(session: Session, workflow_id: int, options: "RunnerOptions", *, generate_plots: bool) -> None:
    from torc_cli.commands.run_again import RecoveryByOthers

    try:
        make_ready_and_run(session, workflow_id, options, RecoveryByOthers(session=session), force=False)
    finally:  # a run of jobs that failed is the one to look at
        if generate_plots:
            _plot(session, workflow_id, options.output_dir)


def _plot(session: Session, workflow_id: int, output_dir: Path) -> None:
    from torc_cli.commands.plot_resources import PlotFormat, write_plots
    from torc_cli.plots.charts import charts_of
    from torc_cli.plots.reading import read_series
    from torc_core.errors import TorcError

    folder = output_dir / "resource_utilization"
    databases: Sequence[Path] = sorted(folder.glob(f"resource_metrics_wf{workflow_id}_*.db"))
    try:
        charts = list(charts_of(read_series(databases)))
        for path in write_plots(charts, folder, f"resource_plot_wf{workflow_id}", PlotFormat.HTML):
            session.out.note(f"Plots: {path}")
    except (TorcError, OSError) as error:  # the jobs have ended as they have, plots or not
        session.out.note(f"Warning: no plots were drawn: {error}")
