"""`torc workflows correct-resources`: requirements that fit what jobs used."""

from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.render.correction_text import correction_lines
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError

if TYPE_CHECKING:
    pass


@command
def correct_resources(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    memory_multiplier: Annotated[
        float, typer.Option("--memory-multiplier", help="Ask for the highest use times this.")
    ] = 1.2,
    runtime_multiplier: Annotated[
        float, typer.Option("--runtime-multiplier", help="Ask for the longest run times this.")
    ] = 1.2,
    cpu_multiplier: Annotated[
        float, typer.Option("--cpu-multiplier", help="Ask for the highest use times this.")
    ] = 1.2,
    job_ids: Annotated[
        str | None, typer.Option("--job-ids", metavar="ID,ID", help="Correct only the requirements of these jobs.")
    ] = None,
    no_downsize: Annotated[
        bool, typer.Option("--no-downsize", help="Only raise requirements, never lower them.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be changed.")] = False,
) -> None:
    """Fit resource requirements to what their jobs used.

    Every job that shares a requirement gets the new amounts.

    For example: `torc workflows correct-resources 3 --dry-run`.
    """
    from torc_client.recovery.resources import apply_corrections, find_corrections
    from torc_core.recovery.corrections import CorrectionOptions

    options = CorrectionOptions(
        memory_multiplier=memory_multiplier,
        runtime_multiplier=runtime_multiplier,
        cpu_multiplier=cpu_multiplier,
        downsizes=not no_downsize,
        job_ids=_ids(job_ids),
    )
    chosen = session.workflow_id(workflow_id)
    analyzed, corrections = find_corrections(session.client, chosen, options)
    if not dry_run:
        apply_corrections(session.client, corrections)
    data = {
        "status": "success",
        "workflow_id": chosen,
        "dry_run": dry_run,
        "memory_multiplier": memory_multiplier,
        "runtime_multiplier": runtime_multiplier,
        "cpu_multiplier": cpu_multiplier,
        "resource_requirements_updated": 0 if dry_run else len(corrections),
        "jobs_analyzed": analyzed,
        "memory_corrections": sum(correction.memory_adjusted for correction in corrections),
        "runtime_corrections": sum(correction.runtime_adjusted for correction in corrections),
        "cpu_corrections": sum(correction.cpu_adjusted for correction in corrections),
        "adjustments": [correction.model_dump(mode="json") for correction in corrections],
    }
    session.out.done("\n".join(correction_lines(corrections, analyzed, dry_run=dry_run)), data)


def _ids(text: str | None) -> list[int]:
    try:
        return [int(part) for part in (text or "").split(",") if part.strip()]
    except ValueError as error:
        raise InvalidInputError(f"--job-ids {text!r} is no list of ids", hint="write it like 3,4,7") from error
