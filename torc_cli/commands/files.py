"""`torc files`: what jobs read and write."""

from pathlib import Path
from typing import Annotated

import typer

from torc_cli.commands.crud import changes, delete_each, show_changed, show_list
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.files import FileModel

app = typer.Typer(no_args_is_help=True, help="What jobs read and write.")

FILES = Table(
    "files",
    (
        Column("ID", "id", right=True),
        Column("Name", "name"),
        Column("Path", "path"),
        Column("Modified", lambda file: _time(file.st_mtime)),
    ),
)


def _time(st_mtime: float | None) -> str | None:
    from datetime import UTC, datetime

    return None if st_mtime is None else datetime.fromtimestamp(st_mtime, tz=UTC).isoformat(timespec="seconds")


@app.command("create")
@command
def create(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    name: Annotated[str, typer.Option("-n", "--name")],
    path: Annotated[str, typer.Option("-p", "--path", help="As the jobs see it.")],
) -> None:
    """Add a file to a workflow."""
    file = Path(path)
    record = FileModel(
        workflow_id=session.workflow_id(workflow_id),
        name=name,
        path=path,
        st_mtime=file.stat().st_mtime if file.exists() else None,
    )
    show_changed(session, session.client.files.create(record), verb="Created", noun="file")


@app.command("list")
@command
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    produced_by_job_id: Annotated[int | None, typer.Option("--produced-by-job-id")] = None,
    name: Annotated[str | None, typer.Option("--name")] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List files."""
    show_list(
        session,
        session.client.files,
        FILES,
        workflow_id=session.workflow_id(workflow_id),
        produced_by_job_id=produced_by_job_id,
        name=name,
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort,
    )


@app.command("list-required-existing")
@command
def list_required_existing(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List the files that must exist: inputs nobody produces, outputs of completed jobs."""
    chosen = session.workflow_id(workflow_id)
    required = set(session.client.required_existing_files(chosen))
    found = [file for file in session.client.files.list_all(workflow_id=chosen) if file.id in required]
    session.out.records(FILES, found)


@app.command("get")
@command
def get(session: Session, file_id: int) -> None:
    """Show one file."""
    session.out.record(session.client.files.get(file_id))


@app.command("update")
@command
def update(
    session: Session,
    file_id: int,
    *,
    name: Annotated[str | None, typer.Option("-n", "--name")] = None,
    path: Annotated[str | None, typer.Option("-p", "--path")] = None,
) -> None:
    """Change one file's record."""
    changed = changes(name=name, path=path)
    old = session.client.files.get(file_id)
    new = session.client.files.update(file_id, old.model_copy(update=changed))
    show_changed(session, new, verb="Updated", noun="file")


@app.command("delete")
@command
def delete(session: Session, file_ids: list[int]) -> None:
    """Delete files' records; the files themselves stay."""
    delete_each(session, session.client.files, file_ids, noun="file")
