"""`torc scheduled-compute-nodes`: allocations asked of a scheduler."""

from typing import Annotated

import typer

from torc_cli.commands.crud import show_list
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument
from torc_cli.session.session import Session

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


@app.command("list")
@command
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    scheduler_id: Annotated[int | None, typer.Option("--scheduler-id", help="The scheduler's own job id.")] = None,
    scheduler_config_id: Annotated[int | None, typer.Option("--scheduler-config-id")] = None,
    status: Annotated[str | None, typer.Option("--status")] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List allocations."""
    show_list(
        session,
        session.client.scheduled_compute_nodes,
        ALLOCATIONS,
        workflow_id=session.workflow_id(workflow_id),
        scheduler_id=scheduler_id,
        scheduler_config_id=scheduler_config_id,
        status=status,
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort,
    )


@app.command("get")
@command
def get(session: Session, scheduled_compute_node_id: int) -> None:
    """Show one allocation."""
    session.out.record(session.client.scheduled_compute_nodes.get(scheduled_compute_node_id))
