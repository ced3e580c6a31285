"""`torc files`: what jobs read and write."""

from pathlib import Path
from typing import Annotated, Any

import typer

from torc_cli.commands.record_commands import REQUIRED, RecordCommands
from torc_cli.render.base import Column, Table
from torc_cli.session.command import listing
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.files import FileModel

app = typer.Typer(no_args_is_help=True, help="What jobs read and write.")

FILES = Table(
    "files",
    (
        Column("ID", "id", right=True),
        Column("Name", "name"),
        Column("Path", "path"),
        Column("Modified", "st_mtime", time=True),
    ),
)


def _file(values: dict[str, Any]) -> FileModel:
    file = Path(values["path"])
    return FileModel.model_validate({**values, "st_mtime": file.stat().st_mtime if file.exists() else None})


commands = RecordCommands(app, lambda client: client.files, FILES, noun="file", id_name="file_id", group="files")
commands.create(
    "Add a file to a workflow.",
    _file,
    {
        "name": (Annotated[str, typer.Option("-n", "--name", help="Name of the file in the workflow.")], REQUIRED),
        "path": (Annotated[str, typer.Option("-p", "--path", help="Where it is, as the jobs see it.")], REQUIRED),
    },
    example="--name model --path data/model.bin",
)
commands.list(
    "List files.",
    {
        "produced_by_job_id": Annotated[
            int | None, typer.Option("--produced-by-job-id", help="Only those that this job writes.")
        ],
        "name": Annotated[str | None, typer.Option("--name", help="Only the one with this name.")],
    },
)


@app.command("list-required-existing")
@listing
def list_required_existing(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List the files that must exist: inputs that no job produces, outputs of completed jobs.

    For example: `torc files list-required-existing 3`.
    """
    chosen = session.workflow_id(workflow_id)
    required = set(session.client.required_existing_files(chosen))
    files = [file for file in session.client.files.list_all(workflow_id=chosen) if file.id in required]
    session.out.records(FILES, files)


commands.get("Show one file.")
commands.update(
    "Change one file's record.",
    {
        "name": Annotated[str | None, typer.Option("-n", "--name", help="Name of the file in the workflow.")],
        "path": Annotated[str | None, typer.Option("-p", "--path", help="Where it is, as the jobs see it.")],
    },
    example="--path data/model.bin",
)
commands.delete("Delete files' records; the files themselves stay.")
