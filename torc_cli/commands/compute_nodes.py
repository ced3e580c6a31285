"""`torc compute-nodes`: the runners, one record for each time one was started."""

from typing import Annotated

import typer

from torc_cli.commands.crud import show_list
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument
from torc_cli.session.session import Session
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
        Column("PID", "pid", right=True),
        Column("CPUs", "num_cpus", right=True),
        Column("Memory (GB)", "memory_gb", right=True),
        Column("GPUs", "num_gpus", right=True),
        Column("Active", "is_active"),
        Column("Heard", _heard, right=True),
        Column("Start Time", "start_time"),
        Column("Duration", _duration, right=True),
    ),
)


@app.command("list")
@command
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    hostname: Annotated[str | None, typer.Option("--hostname")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive")] = None,
    scheduled_compute_node: Annotated[int | None, typer.Option("--scheduled-compute-node")] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List runners."""
    show_list(
        session,
        session.client.compute_nodes,
        NODES,
        workflow_id=session.workflow_id(workflow_id),
        hostname=hostname,
        is_active=active,
        scheduled_compute_node_id=scheduled_compute_node,
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort,
    )


@app.command("get")
@command
def get(session: Session, compute_node_id: int) -> None:
    """Show one runner."""
    session.out.record(session.client.compute_nodes.get(compute_node_id))
