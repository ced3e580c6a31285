"""`torc ro-crate`: the runs of a workflow as a research object, for archives and for others."""

from pathlib import Path
from typing import Annotated

import typer

from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session

app = typer.Typer(no_args_is_help=True, help="The runs of a workflow as a research object (RO-Crate).")


@app.command("export")
@command
def export(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A new folder, or a new .zip file; `ro-crate-wfID` when left out."),
    ] = None,
    copy_files: Annotated[
        bool, typer.Option("--copy-files", help="Put copies of the workflow's files into the crate.")
    ] = False,
    no_hashes: Annotated[
        bool, typer.Option("--no-hashes", help="Do not read the files to write their SHA-256; for large ones.")
    ] = False,
) -> None:
    """Write an RO-Crate: which commands ran, when, from which files, into which.

    For example: `torc ro-crate export 3 -o study.zip --copy-files`.
    """
    from torc_client.export.document import export_workflow
    from torc_client.export.ro_crate import write_crate

    chosen = session.workflow_id(workflow_id)
    target = output or Path(f"ro-crate-wf{chosen}")
    document = export_workflow(session.client, chosen, with_results=True)
    counts = write_crate(document, target, folder=Path.cwd(), copies_files=copy_files, hashes=not no_hashes)
    if counts.missing:
        session.out.note(f"Warning: {number(counts.missing, 'file')} of the workflow did not exist here.")
    session.out.done(
        f"Wrote {target} about {number(counts.actions, 'attempt')} and {number(counts.files, 'file')}",
        {
            "workflow_id": chosen,
            "output": str(target),
            "action_count": counts.actions,
            "file_count": counts.files,
            "missing_file_count": counts.missing,
        },
    )
