"""`torc create`: a workflow file becomes a workflow."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from torc_cli.render.beginning_text import spec_report_lines
from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.hints import Hint, torc

if TYPE_CHECKING:
    from torc_core.api.drafts import WorkflowDraft

SpecArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="Read this workflow file, by its suffix; - is standard input.", show_default=False
    ),
]
NoMonitoringOption = Annotated[
    bool, typer.Option("--no-resource-monitoring", help="Do not sample the jobs' memory and CPU.")
]
SkipChecksOption = Annotated[bool, typer.Option("--skip-checks", help="Do not look for missing input files.")]


@command
def create(
    session: Session,
    file: SpecArgument,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file and print what would be created.")] = False,
    skip_checks: SkipChecksOption = False,
    no_resource_monitoring: NoMonitoringOption = False,
) -> None:
    """Create a workflow from a file.

    For example: `torc create diamond.yaml --dry-run`.
    """
    from torc_client.specs import missing_input_files

    if dry_run:
        _show_report(session, file)
        return
    draft = read_draft(session, file, resource_monitoring=not no_resource_monitoring)
    for path in () if skip_checks else missing_input_files(draft)[:20]:
        session.out.note(f"Warning: the input file {path} does not exist yet, and no job produces it.")
    created = session.client.create_from_draft(draft)
    workflow_id = created.workflow.id or 0
    message = f"Created workflow {workflow_id} with {number(created.job_count, 'job')}"
    session.out.done(
        [message, Hint("Next: {}", torc("run", workflow_id))],
        {"workflow_id": workflow_id, "status": "success", "message": message, "job_count": created.job_count},
    )


def read_draft(session: Session, file: Path, *, resource_monitoring: bool = True) -> "WorkflowDraft":
    """Return what the file describes; print its warnings on stderr. Raises SpecError."""
    from torc_client.specs import load_draft

    draft, report = load_draft(
        file, user=session.settings.user, folder=Path.cwd(), resource_monitoring=resource_monitoring
    )
    for warning in report.warnings:
        session.out.note(f"Warning: {warning}")
    return draft


def _show_report(session: Session, file: Path) -> None:
    """Print what the check of the file found. The exit code is 2 when it is not valid."""
    from torc_client.specs import read_spec_text, shown_name, table_reader
    from torc_core.errors import SpecError
    from torc_core.spec.build import check_workflow

    text = read_spec_text(file)
    try:
        checked = check_workflow(text, file_name=shown_name(file), read_table=table_reader(file))
        report: dict[str, Any] = checked.model_dump(mode="json")
    except SpecError as error:
        report = {"valid": False, "errors": error.message.splitlines(), "warnings": [], "summary": None}
    session.out.done("\n".join(spec_report_lines(report)), report)
    if not report["valid"]:
        raise typer.Exit(2)
