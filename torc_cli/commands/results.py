"""`torc results`: the record of every attempt of every job."""

from typing import Annotated

import typer

from torc_cli.commands.crud import delete_each, show_list
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.results import ResultModel
from torc_core.jobs.status import JobStatus
from torc_core.resources.duration import describe_duration
from torc_core.resources.memory import describe_memory

app = typer.Typer(no_args_is_help=True, help="The record of every attempt of every job.")


def _memory(result: ResultModel) -> str | None:
    peak = result.peak_memory_bytes
    return describe_memory(peak) if peak is not None and peak >= 0 else None


def _cpu(result: ResultModel) -> str | None:
    peak = result.peak_cpu_percent
    return f"{peak:.1f}%" if peak is not None and peak >= 0 else None


RESULTS = Table(
    "results",
    (
        Column("ID", "id", right=True),
        Column("Job ID", "job_id", right=True),
        Column("Job Name", "job_name"),
        Column("Run", "run_id", right=True),
        Column("Attempt", "attempt_id", right=True),
        Column("Code", "return_code", right=True),
        Column("Time", lambda result: describe_duration(result.exec_time_minutes * 60), right=True),
        Column("Peak Mem", _memory, right=True),
        Column("Peak CPU %", _cpu, right=True),
        Column("Status", "status"),
        Column("Completed", "completion_time"),
    ),
)


@app.command("list")
@command
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    job_id: Annotated[int | None, typer.Option("-j", "--job-id")] = None,
    run_id: Annotated[int | None, typer.Option("-r", "--run-id")] = None,
    return_code: Annotated[int | None, typer.Option("--return-code")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those with a return code other than 0.")] = False,
    status: Annotated[JobStatus | None, typer.Option("-s", "--status")] = None,
    all_runs: Annotated[bool, typer.Option("--all-runs", help="Earlier runs and attempts too.")] = False,
    compute_node_id: Annotated[int | None, typer.Option("--compute-node", "--compute-node-id")] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List results: the current one of each job, or all."""
    show_list(
        session,
        session.client.results,
        RESULTS,
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort,
        workflow_id=session.workflow_id(workflow_id),
        job_id=job_id,
        run_id=run_id,
        return_code=return_code,
        failed=failed or None,
        status=status,
        all_runs=all_runs or None,
        compute_node_id=compute_node_id,
    )


@app.command("get")
@command
def get(session: Session, result_id: int) -> None:
    """Show one result."""
    session.out.record(session.client.results.get(result_id))


@app.command("delete")
@command
def delete(session: Session, result_ids: list[int]) -> None:
    """Delete results."""
    delete_each(session, session.client.results, result_ids, noun="result")
