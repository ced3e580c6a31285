"""`torc scheduled-compute-nodes`: allocations asked of a scheduler."""

from typing import Annotated

import typer

from torc_cli.commands.record_commands import RecordCommands
from torc_cli.render.base import Column, Table

app = typer.Typer(no_args_is_help=True, help="Allocations asked of a scheduler.")

ALLOCATIONS = Table(
    "scheduled compute nodes",
    (
        Column("ID", "id", right=True),
        Column("Scheduler ID", "scheduler_id", right=True),
        Column("Config ID", "scheduler_config_id", right=True),
        Column("Type", "scheduler_type"),
        Column("Status", "status"),
    ),
)


commands = RecordCommands(
    app,
    lambda client: client.scheduled_compute_nodes,
    ALLOCATIONS,
    noun="scheduled compute node",
    id_name="scheduled_compute_node_id",
)
commands.list(
    "List allocations.",
    {
        "scheduler_id": Annotated[int | None, typer.Option("--scheduler-id", help="The scheduler's own job id.")],
        "scheduler_config_id": Annotated[int | None, typer.Option("--scheduler-config-id")],
        "status": Annotated[str | None, typer.Option("--status")],
    },
)
commands.get("Show one allocation.")
