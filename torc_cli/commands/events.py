"""`torc events`: what happened, stored and live."""

import time
from typing import Annotated

import typer

from torc_cli.commands.crud import delete_each, parse_json, show_changed
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, LogLevel, OffsetOption, ReverseOption, SortOption, WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.events import EventModel

app = typer.Typer(no_args_is_help=True, help="What happened, stored and live.")


def _when(event: EventModel) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(event.timestamp / 1000, tz=UTC).isoformat(timespec="milliseconds")


EVENTS = Table("events", (Column("ID", "id", right=True), Column("Time", _when), Column("Data", "data")))

CategoryOption = Annotated[str | None, typer.Option("-c", "--category")]


@app.command("create")
@command
def create(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    data: Annotated[str, typer.Option("-d", "--data", metavar="JSON")],
) -> None:
    """Store an event of your own."""
    value = parse_json(data, what="--data")
    record = EventModel(workflow_id=session.workflow_id(workflow_id), timestamp=int(time.time() * 1000), data=value)
    show_changed(session, session.client.events.create(record), verb="Created", noun="event")


@app.command("list")
@command
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    category: CategoryOption = None,
    after_timestamp: Annotated[int | None, typer.Option("--after-timestamp", help="Milliseconds since 1970.")] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List stored events."""
    found = session.client.events.list_all(
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort or None,
        workflow_id=session.workflow_id(workflow_id),
        category=category,
        after_timestamp=after_timestamp,
    )
    session.out.records(EVENTS, found)


@app.command("get-latest-event")
@command
def get_latest_event(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """Show the newest stored event."""
    page = session.client.events.page(
        workflow_id=session.workflow_id(workflow_id), limit=1, sort_by="timestamp", reverse_sort=True
    )
    if page.items:
        session.out.record(page.items[0])
    else:
        session.out.records(EVENTS, [])


@app.command("monitor")
@command
def monitor(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    duration_min: Annotated[
        float | None, typer.Option("-d", "--duration", min=0, help="Minutes; until Ctrl-C when left out.")
    ] = None,
    level: Annotated[LogLevel, typer.Option("--level", help="From this severity on.")] = LogLevel.INFO,
    category: CategoryOption = None,
) -> None:
    """Show events as they happen, one line each."""
    from torc_client.event_stream import stream_events

    chosen = session.workflow_id(workflow_id)
    session.client.workflow_status(chosen)
    events = stream_events(
        session.client.transport,
        chosen,
        level=level,
        duration_s=None if duration_min is None else duration_min * 60,
    )
    for event in events:
        if category in (None, event.event_type, event.data.get("category")):
            session.out.line(f"{event.severity:<7} {event.event_type}  {event.data}", event.model_dump(mode="json"))


@app.command("delete")
@command
def delete(session: Session, event_ids: list[int]) -> None:
    """Delete stored events."""
    delete_each(session, session.client.events, event_ids, noun="event")
