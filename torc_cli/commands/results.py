"""`torc results`: the record of every attempt of every job."""

from typing import Annotated

import typer

from torc_cli.commands.record_commands import RecordCommands
from torc_cli.render.base import Column, Table
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
        Column("ID", "id", right=True, gives_way=True),
        Column("Job ID", "job_id", right=True),
        Column("Job Name", "job_name"),
        Column("Run", "run_id", right=True),
        Column("Attempt", "attempt_id", right=True),
        Column("Code", "return_code", right=True),
        Column("Time", lambda result: describe_duration(result.exec_time_minutes * 60), right=True),
        Column("Peak Mem", _memory, right=True),
        Column("Peak CPU", _cpu, right=True, gives_way=True),
        Column("Status", "status"),
        Column("Completed", "completion_time", time=True, gives_way=True),
    ),
)


FailedOption = Annotated[bool, typer.Option("--failed", help="Only those with a return code other than 0.")]

commands = RecordCommands(
    app, lambda client: client.results, RESULTS, noun="result", id_name="result_id", group="results"
)
commands.list(
    "List results: the current one of each job, or all.",
    {
        "job_id": Annotated[int | None, typer.Option("-j", "--job-id", help="Only those of this job.")],
        "run_id": Annotated[int | None, typer.Option("-r", "--run-id", help="Only those of this run.")],
        "return_code": Annotated[int | None, typer.Option("--return-code", help="Only those with this return code.")],
        "failed": (
            Annotated[bool, typer.Option("--failed", help="Only those with a return code other than 0.")],
            False,
        ),
        "status": Annotated[
            JobStatus | None, typer.Option("-s", "--status", metavar="STATUS", help="Only those with this status.")
        ],
        "all_runs": (Annotated[bool, typer.Option("--all-runs", help="List earlier runs and attempts, too.")], False),
        "compute_node_id": Annotated[
            int | None, typer.Option("--compute-node", "--compute-node-id", help="Only those of this runner.")
        ],
    },
)
commands.get("Show one result.")
commands.delete("Delete results.")
