"""`torc events`: what happened, stored and live."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from torc_cli.commands.crud import parse_json
from torc_cli.commands.record_commands import REQUIRED, RecordCommands
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import LogLevel, WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.events import EventModel

app = typer.Typer(no_args_is_help=True, help="What happened, stored and live.")


EVENTS = Table(
    "events", (Column("ID", "id", right=True), Column("Time", "timestamp", time=True), Column("Data", "data"))
)

CategoryOption = Annotated[
    str | None, typer.Option("-c", "--category", help="Only those of this category, for example recovery.")
]


def _event(values: dict[str, Any]) -> EventModel:
    data = parse_json(values["data"], what="--data")
    return EventModel(workflow_id=values["workflow_id"], timestamp=int(time.time() * 1000), data=data)


commands = RecordCommands(app, lambda client: client.events, EVENTS, noun="event", id_name="event_id", group="events")
commands.create(
    "Store an event of your own.",
    _event,
    {
        "data": (
            Annotated[str, typer.Option("-d", "--data", metavar="JSON", help="What happened, as an object.")],
            REQUIRED,
        )
    },
    example="--data '{\"step\": 2}'",
)
commands.list(
    "List stored events.",
    {
        "category": CategoryOption,
        "after_timestamp": Annotated[
            int | None, typer.Option("--after-timestamp", help="Only later ones than this, in milliseconds since 1970.")
        ],
    },
)


@app.command("get-latest-event")
@command
def get_latest_event(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """Show the newest stored event.

    For example: `torc events get-latest-event 3`.
    """
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
        float | None,
        typer.Option("-d", "--duration", min=0, help="Stop after so many minutes; at Ctrl-C when left out."),
    ] = None,
    level: Annotated[LogLevel, typer.Option("--level", help="Show events from this severity on.")] = LogLevel.INFO,
    category: CategoryOption = None,
    filename: Annotated[
        Path | None, typer.Option("--filename", help="Write them to this file too, as JSON, one a line.")
    ] = None,
) -> None:
    """Show events as they happen, one line each.

    For example: `torc events monitor 3 --duration 10`.
    """
    from torc_client.event_stream import stream_events

    chosen = session.workflow_id(workflow_id)
    session.client.workflow_status(chosen)
    events = stream_events(
        session.client.transport,
        chosen,
        level=level,
        duration_s=None if duration_min is None else duration_min * 60,
    )
    with nullcontext() if filename is None else filename.open("a", encoding="utf-8") as file:
        for event in events:
            if category not in (None, event.event_type, event.data.get("category")):
                continue
            if file is not None:
                file.write(f"{event.model_dump_json()}\n")
                file.flush()  # who follows the file sees each event at once
            session.out.line(f"{event.severity:<7} {event.event_type}  {event.data}", event.model_dump(mode="json"))


commands.delete("Delete stored events.")
