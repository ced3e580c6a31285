"""`torc compute-nodes`: the runners, one record for each time one was started."""

from typing import Annotated

import typer

from torc_cli.commands.record_commands import RecordCommands
from torc_cli.render.base import Column, Table
from torc_core.api.nodes import ComputeNodeModel
from torc_core.resources.duration import describe_duration

app = typer.Typer(no_args_is_help=True, help="The runners, one record for each start.")


def _duration(node: ComputeNodeModel) -> str | None:
    return None if node.duration_seconds is None else describe_duration(node.duration_seconds)


def _heard(node: ComputeNodeModel) -> str | None:
    return None if node.heartbeat_age_s is None else f"{describe_duration(node.heartbeat_age_s)} ago"


NODES = Table(
    "compute nodes",
    (
        Column("ID", "id", right=True),
        Column("Hostname", "hostname"),
        Column("PID", "pid", right=True, gives_way=True),
        Column("CPUs", "num_cpus", right=True),
        Column("Memory (GB)", "memory_gb", right=True),
        Column("GPUs", "num_gpus", right=True, gives_way=True),
        Column("Active", "is_active"),
        Column("Heard", _heard, right=True),
        Column("Start Time", "start_time", time=True),
        Column("Duration", _duration, right=True),
    ),
)


commands = RecordCommands(
    app,
    lambda client: client.compute_nodes,
    NODES,
    noun="compute node",
    id_name="compute_node_id",
    group="compute-nodes",
)
commands.list(
    "List runners.",
    {
        "hostname": Annotated[str | None, typer.Option("--hostname", help="Only those on this machine.")],
        "is_active": Annotated[
            bool | None, typer.Option("--active/--inactive", help="Only those that are at work, or the others.")
        ],
        "scheduled_compute_node_id": Annotated[
            int | None, typer.Option("--scheduled-compute-node", help="Only those of this allocation's record.")
        ],
    },
)
commands.get("Show one runner.")
