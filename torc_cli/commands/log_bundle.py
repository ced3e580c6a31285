"""`torc logs bundle`: all logs of a workflow in one file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.hints import Hint, torc


@command
def bundle(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    output_dir: Annotated[
        Path | None, typer.Option("-o", "--output-dir", help="The folder that the runners wrote to.")
    ] = None,
    bundle_dir: Annotated[Path, typer.Option("--bundle-dir", help="Where to write the bundle.")] = Path(),
) -> None:
    """Pack the logs of a workflow into one file, wf<ID>.tar.gz, for whoever helps.

    Logs hold what jobs printed: look before you send it. For example: `torc logs bundle 3 --bundle-dir /tmp`.
    """
    from torc_client.logs.log_bundle import write_bundle

    chosen = session.workflow_id(workflow_id)
    workflow = session.client.workflows.get(chosen)
    status = session.client.workflow_status(chosen)
    facts = {
        "workflow_id": chosen,
        "workflow_name": workflow.name,
        "description": workflow.description,
        "user": workflow.user,
        "run_id": status.run_id,
        "jobs_by_status": status.model_dump(mode="json")["jobs_by_status"],
        "collected_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path, count = write_bundle(output_dir or Path(session.settings.output_dir), chosen, bundle_dir, facts)
    session.out.done(
        Hint(
            "Packed {} of workflow {} into {}; {} reads it",
            number(count, "log"),
            chosen,
            str(path),
            torc("logs analyze", str(path)),
        ),
        {"workflow_id": chosen, "path": str(path), "file_count": count},
    )
