"""`torc user-data`: JSON values that jobs pass to each other."""

from typing import Annotated

import typer

from torc_cli.commands.crud import changes, delete_all_of, delete_each, parse_json, show_changed, show_list
from torc_cli.render.base import Column, Table
from torc_cli.render.text import display
from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument, YesOption
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
    name: Annotated[str, typer.Option("-n", "--name")],
    data: DataOption = None,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Cleared when the workflow starts anew.")] = False,
    consumer_job_id: Annotated[int | None, typer.Option("--consumer-job-id")] = None,
    producer_job_id: Annotated[int | None, typer.Option("--producer-job-id")] = None,
) -> None:
    """Add a value to a workflow."""
    value = None if data is None else parse_json(data, what="--data")
    record = UserDataModel(workflow_id=session.workflow_id(workflow_id), name=name, data=value, is_ephemeral=ephemeral)
    created = session.client.user_data.create(record, consumer_job_id=consumer_job_id, producer_job_id=producer_job_id)
    show_changed(session, created, verb="Created", noun="user data")


@app.command("list")
@command
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    name: Annotated[str | None, typer.Option("--name")] = None,
    is_ephemeral: Annotated[bool | None, typer.Option("--is-ephemeral/--is-not-ephemeral")] = None,
    consumer_job_id: Annotated[int | None, typer.Option("--consumer-job-id")] = None,
    producer_job_id: Annotated[int | None, typer.Option("--producer-job-id")] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List values."""
    show_list(
        session,
        session.client.user_data,
        USER_DATA,
        workflow_id=session.workflow_id(workflow_id),
        name=name,
        is_ephemeral=is_ephemeral,
        consumer_job_id=consumer_job_id,
        producer_job_id=producer_job_id,
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort,
    )


@app.command("list-missing")
@command
def list_missing(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List the values that ought to be there and are not."""
    chosen = session.workflow_id(workflow_id)
    missing = set(session.client.missing_user_data(chosen))
    found = [record for record in session.client.user_data.list_all(workflow_id=chosen) if record.id in missing]
    session.out.records(USER_DATA, found)


@app.command("get")
@command
def get(session: Session, user_data_id: int) -> None:
    """Show one value."""
    session.out.record(session.client.user_data.get(user_data_id))


@app.command("update")
@command
def update(
    session: Session,
    user_data_id: int,
    *,
    name: Annotated[str | None, typer.Option("-n", "--name")] = None,
    data: DataOption = None,
    ephemeral: Annotated[bool | None, typer.Option("--ephemeral/--not-ephemeral")] = None,
) -> None:
    """Change one value."""
    changed = changes(name=name, data=None if data is None else parse_json(data, what="--data"), is_ephemeral=ephemeral)
    old = session.client.user_data.get(user_data_id)
    new = session.client.user_data.update(user_data_id, old.model_copy(update=changed))
    show_changed(session, new, verb="Updated", noun="user data")


@app.command("delete")
@command
def delete(session: Session, user_data_ids: list[int]) -> None:
    """Delete values."""
    delete_each(session, session.client.user_data, user_data_ids, noun="user data")


@app.command("delete-all")
@command
def delete_all(session: Session, workflow_id: WorkflowArgument = None, *, yes: YesOption = False) -> None:
    """Delete all values of a workflow."""
    delete_all_of(session, session.client.user_data, workflow_id, noun="user data", yes=yes)
