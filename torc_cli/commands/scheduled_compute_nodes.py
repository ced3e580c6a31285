"""`torc scheduled-compute-nodes`: allocations asked of a scheduler."""

import os
from typing import Annotated

import typer

from torc_cli.commands.record_commands import RecordCommands
from torc_cli.render.allocation_text import ALLOCATIONS
from torc_cli.session.command import listing
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument
from torc_cli.session.session import Session

app = typer.Typer(no_args_is_help=True, help="Allocations asked of a scheduler.")


@app.command("list")
@listing
def list_allocations(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    scheduler_id: Annotated[
        int | None, typer.Option("--scheduler-id", help="Only the one with this id of the scheduler's own.")
    ] = None,
    scheduler_config_id: Annotated[
        int | None, typer.Option("--scheduler-config-id", help="Only those of this scheduler record.")
    ] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="Only those with this status: pending, active, complete or canceled.")
    ] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List allocations, with their state in the queue of this machine's cluster.

    For example: `torc scheduled-compute-nodes list 3`.
    """
    from torc_client.allocations.standing import look_at_queue

    records = session.client.scheduled_compute_nodes.list_all(
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort or None,
        workflow_id=session.workflow_id(workflow_id),
        scheduler_id=scheduler_id,
        scheduler_config_id=scheduler_config_id,
        status=status,
    )
    seen = look_at_queue(records, os.environ)
    if seen.note:
        session.out.note(f"Note: {seen.note}")
    session.out.records(ALLOCATIONS, seen.views)


commands = RecordCommands(
    app,
    lambda client: client.scheduled_compute_nodes,
    ALLOCATIONS,
    noun="scheduled compute node",
    id_name="scheduled_compute_node_id",
    group="scheduled-compute-nodes",
)
commands.get("Show one allocation.")
