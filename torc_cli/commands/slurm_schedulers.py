"""`torc slurm create`, `list`, `get`, `update`, `delete`: the records from which allocations are asked for."""

from typing import Annotated

import typer

from torc_cli.commands.record_commands import REQUIRED, RecordCommands
from torc_cli.render.base import Column, Table
from torc_core.api.schedulers import SlurmSchedulerModel

SCHEDULERS = Table(
    "schedulers",
    (
        Column("ID", "id", right=True),
        Column("Name", "name"),
        Column("Account", "account"),
        Column("Partition", "partition"),
        Column("Nodes", "nodes", right=True),
        Column("Walltime", "walltime", right=True),
        Column("Mem", "mem", right=True),
        Column("Gres", "gres"),
        Column("QOS", "qos"),
    ),
)

_Name = Annotated[str | None, typer.Option("-n", "--name", help="Name of the scheduler in the workflow.")]
_Gres = Annotated[str | None, typer.Option("-g", "--gres", help="Generic resources of each node, for example gpu:2.")]
_Mem = Annotated[str | None, typer.Option("-m", "--mem", metavar="AMOUNT", help="Memory of each node.")]
_Nodes = Annotated[int | None, typer.Option("-N", "--nodes", min=1, help="Nodes of one allocation.")]
_Tasks = Annotated[int | None, typer.Option("--ntasks-per-node", min=1, help="Tasks on each node.")]
_Partition = Annotated[
    str | None, typer.Option("-p", "--partition", help="Partition; the cluster's default when left out.")
]
_Qos = Annotated[str | None, typer.Option("-q", "--qos", help="Quality of service.")]
_Tmp = Annotated[str | None, typer.Option("-t", "--tmp", metavar="AMOUNT", help="Local disk of each node.")]
_Walltime = Annotated[
    str | None,
    typer.Option(
        "-W", "--walltime", metavar="TIME", help="The longest that an allocation lasts, for example 04:00:00."
    ),
]
_Extra = Annotated[str | None, typer.Option("-e", "--extra", help="More options of sbatch, as text.")]
_OPTIONS = {
    "gres": _Gres,
    "mem": _Mem,
    "partition": _Partition,
    "qos": _Qos,
    "ntasks_per_node": _Tasks,
    "tmp": _Tmp,
    "extra": _Extra,
}


def add_scheduler_commands(app: typer.Typer) -> None:
    """Add the commands about scheduler records to the group."""
    commands = RecordCommands(
        app,
        lambda client: client.slurm_schedulers,
        SCHEDULERS,
        noun="scheduler",
        id_name="scheduler_id",
        group="slurm",
    )
    account = typer.Option("-a", "--account", help="Account that the allocations are charged to.")
    commands.create(
        "Add a scheduler to a workflow.",
        SlurmSchedulerModel.model_validate,
        {
            "name": (_Name, None),
            "account": (Annotated[str, account], REQUIRED),
            "nodes": (_Nodes, 1),
            "walltime": (_Walltime, "04:00:00"),
            **_OPTIONS,
        },
        example="--name short --account project --walltime 01:00:00",
    )
    commands.list("List the schedulers of a workflow.")
    commands.get("Show one scheduler.")
    commands.update(
        "Change one scheduler; allocations that are submitted stay as they are.",
        {"name": _Name, "account": Annotated[str | None, account], "nodes": _Nodes, "walltime": _Walltime, **_OPTIONS},
        example="--walltime 08:00:00",
    )
    commands.delete("Delete schedulers.")
