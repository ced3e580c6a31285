"""`torc reports`: what jobs used, how they ended and where their logs are, and how the workflow stands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.commands.lifecycle import status
from torc_cli.commands.options.recovery import OutputDirOption
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.hints import Hint, torc

if TYPE_CHECKING:
    pass

app = typer.Typer(no_args_is_help=True, help="Show what jobs used, how they ended, and where their logs are.")
app.command("summary")(status)


@app.command("check-resource-utilization")
@command
def check_resource_utilization(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    run_id: Annotated[
        int | None,
        typer.Option("-r", "--run-id", help="Read the results of this run; the newest attempts when left out."),
    ] = None,
    all_jobs: Annotated[bool, typer.Option("-a", "--all", help="List also what stayed within its request.")] = False,
    include_failed: Annotated[
        bool, typer.Option("--include-failed", help="List also failed jobs, and whether memory or time ended them.")
    ] = False,
    min_over_utilization: Annotated[
        float, typer.Option("--min-over-utilization", min=0, help="List only an excess of at least so many percent.")
    ] = 1.0,
) -> None:
    """Compare what jobs used with what they asked for.

    For example: `torc reports check-resource-utilization 3 --all`.
    """
    from torc_cli.render.utilization_text import OVER_UTILIZATION, less_lines, verdict_line, violation_lines
    from torc_client.recovery.resources import utilization

    report = utilization(
        session.client,
        session.workflow_id(workflow_id),
        run_id=run_id,
        include_failed=include_failed,
        show_all=all_jobs,
        min_over_utilization_percent=min_over_utilization,
    )
    if session.is_json:
        session.out.record(report)
        return
    session.out.done(verdict_line(report), {})
    if report.over_utilization_count:
        session.out.note(Hint("Fit the requirements with: {}", torc("workflows correct-resources", report.workflow_id)))
    if report.violations and (report.over_utilization_count or all_jobs):
        session.out.records(OVER_UTILIZATION, report.violations)
    if report.resource_violations:
        session.out.done(violation_lines(report), {})
    if lines := less_lines(report):
        session.out.done(["Less than what they ask for would do:", *lines], {})
        session.out.note(Hint("Fit the requirements with: {}", torc("workflows correct-resources", report.workflow_id)))


@app.command("results")
@command
def results(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    output_dir: OutputDirOption = None,
    all_runs: Annotated[bool, typer.Option("--all-runs", help="List earlier runs and attempts too.")] = False,
    job_ids: Annotated[
        list[int] | None, typer.Option("-j", "--job-id", help="List only this job; may be repeated.")
    ] = None,
) -> None:
    """List results with the log files of their jobs.

    For example: `torc reports results 3 --all-runs`.
    """
    from torc_cli.render.results_report import RESULTS, collect_results

    chosen = session.workflow_id(workflow_id)
    folder = output_dir or Path(session.settings.output_dir)
    report = collect_results(session.client, chosen, folder, all_runs=all_runs, job_ids=job_ids or ())
    for path in report.missing[:20]:
        session.out.note(f"Warning: {path} does not exist")
    if len(report.missing) > 20:
        session.out.note(f"Warning: {len(report.missing) - 20} more log files do not exist")
    if session.is_json:
        session.out.record(report)
    else:
        session.out.records(RESULTS, report.results)
