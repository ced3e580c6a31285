"""`torc user-data`: JSON values that jobs pass to each other."""

from typing import Annotated

import typer

from torc_cli.commands.crud import parse_json, show_changed
from torc_cli.commands.record_commands import RecordCommands
from torc_cli.render.base import Column, Table
from torc_cli.render.text import display
from torc_cli.session.command import command, listing
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.files import UserDataModel

app = typer.Typer(no_args_is_help=True, help="JSON values that jobs pass to each other.")

USER_DATA = Table(
    "user data",
    (
        Column("ID", "id", right=True),
        Column("Name", "name"),
        Column("Ephemeral", "is_ephemeral"),
        Column("Data", lambda record: display(record.data)[:200]),
    ),
)

DataOption = Annotated[str | None, typer.Option("-d", "--data", metavar="JSON", help="Nothing means: to be produced.")]


@app.command("create")
@command
def create(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    name: Annotated[str, typer.Option("-n", "--name", help="Name of the value in the workflow.")],
    data: DataOption = None,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Cleared when the workflow starts anew.")] = False,
    consumer_job_id: Annotated[int | None, typer.Option("--consumer-job-id", help="The job that reads it.")] = None,
    producer_job_id: Annotated[int | None, typer.Option("--producer-job-id", help="The job that writes it.")] = None,
) -> None:
    """Add a value to a workflow.

    For example: `torc user-data create 3 --name limit --data 5`.
    """
    value = None if data is None else parse_json(data, what="--data")
    record = UserDataModel(workflow_id=session.workflow_id(workflow_id), name=name, data=value, is_ephemeral=ephemeral)
    created = session.client.user_data.create(record, consumer_job_id=consumer_job_id, producer_job_id=producer_job_id)
    show_changed(session, created, verb="Created", noun="user data")


commands = RecordCommands(
    app, lambda client: client.user_data, USER_DATA, noun="user data", id_name="user_data_id", group="user-data"
)
commands.list(
    "List values.",
    {
        "name": Annotated[str | None, typer.Option("--name", help="Only the one with this name.")],
        "is_ephemeral": Annotated[
            bool | None,
            typer.Option(
                "--is-ephemeral/--is-not-ephemeral", help="Only those that a new start clears, or the others."
            ),
        ],
        "consumer_job_id": Annotated[
            int | None, typer.Option("--consumer-job-id", help="Only those that this job reads.")
        ],
        "producer_job_id": Annotated[
            int | None, typer.Option("--producer-job-id", help="Only those that this job writes.")
        ],
    },
)


@app.command("list-missing")
@listing
def list_missing(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List the values that jobs need and that are not set.

    For example: `torc user-data list-missing 3`.
    """
    chosen = session.workflow_id(workflow_id)
    missing = set(session.client.missing_user_data(chosen))
    records = [record for record in session.client.user_data.list_all(workflow_id=chosen) if record.id in missing]
    session.out.records(USER_DATA, records)


commands.get("Show one value.")
commands.update(
    "Change one value.",
    {
        "name": Annotated[str | None, typer.Option("-n", "--name", help="Name of the value in the workflow.")],
        "data": DataOption,
        "is_ephemeral": Annotated[
            bool | None, typer.Option("--ephemeral/--not-ephemeral", help="Clear it when the workflow starts anew.")
        ],
    },
    example="--data 5",
    convert={"data": lambda text: parse_json(text, what="--data")},
)
commands.delete("Delete values.")
commands.delete_all("Delete all values of a workflow.", noun="user data")
