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
    from torc_client.specs import existing_output_files, file_warnings, missing_input_files

    if dry_run:
        _show_report(session, file, skip_checks=skip_checks)
        return
    draft = read_draft(session, file, resource_monitoring=not no_resource_monitoring)
    if not skip_checks:
        for line in file_warnings(missing_input_files(draft), existing_output_files(draft, Path.cwd())):
            session.out.note(f"Warning: {line}.")
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


def _show_report(session: Session, file: Path, *, skip_checks: bool) -> None:
    """Print what the check of the file found, and of the files that it names. The exit code is 2 if it is not valid."""
    from torc_client.specs import (
        existing_output_files,
        file_warnings,
        missing_input_files,
        read_spec_text,
        shown_name,
        table_reader,
        with_mtimes,
    )
    from torc_core.errors import SpecError
    from torc_core.spec.build import check_draft

    text = read_spec_text(file)
    try:
        draft, checked = check_draft(text, file_name=shown_name(file), read_table=table_reader(file))
        report: dict[str, Any] = checked.model_dump(mode="json")
    except SpecError as error:
        draft = None
        report = {"valid": False, "errors": error.message.splitlines(), "warnings": [], "summary": None}
    if draft is not None and not skip_checks:
        folder = Path.cwd()
        missing = missing_input_files(with_mtimes(draft, folder))
        existing = existing_output_files(draft, folder)
        report |= {"missing_input_files": missing, "existing_output_files": existing}
        report["warnings"] += file_warnings(missing, existing)
    session.out.done("\n".join(spec_report_lines(report)), report)
    if not report["valid"]:
        raise typer.Exit(2)
