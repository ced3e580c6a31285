"""`torc slurm generate`: writes the allocations of a workflow into its file."""

from pathlib import Path
from typing import Annotated, Final

import typer

from torc_cli.commands.options.allocations import PlanChoices
from torc_cli.render.plan_text import ALLOCATION_GROUPS
from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc

_CHOICES: Final = PlanChoices()
_WRITTEN: Final = (".yaml", ".yml", ".json", ".json5")


@command
def generate(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Read this workflow file.", show_default=False)],
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write to this file, by its suffix; stdout when left out."),
    ] = None,
    choices: PlanChoices = _CHOICES,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Leave out the file's own schedulers; replace the file that is written."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the allocations.")] = False,
) -> None:
    """Write a workflow file with the schedulers and actions that its jobs need, to look at and to `torc submit`.

    For example: `torc slurm generate workflow.yaml --account proj -o on_slurm.yaml`.
    """
    from torc_client.hpc_sites import HpcSites
    from torc_client.planned_jobs import jobs_of_draft
    from torc_client.specs import make_draft, read_spec_text, shown_name, table_reader
    from torc_client.submission.draft import refuse_own_allocations
    from torc_client.submission.generate import file_with_allocations

    if output is not None and output.suffix.lower() not in _WRITTEN:
        raise InvalidInputError(
            f"{output} cannot be written: files are read as KDL, too, and written as YAML or JSON",
            hint="end its name with .yaml or .json",
        )
    text, name = read_spec_text(file), shown_name(file)
    read_table = table_reader(file)
    draft, report = make_draft(
        text, file_name=name, user=session.settings.user, folder=Path.cwd(), read_table=read_table
    )
    for warning in report.warnings:
        session.out.note(f"Warning: {warning}")
    if not overwrite:
        refuse_own_allocations(draft, file=str(file))
    if output is not None and output.exists() and not overwrite:
        raise InvalidInputError(f"{output} exists", hint="name another file, or add --overwrite")
    plan, _ = choices.plan(jobs_of_draft(draft), draft.workflow.slurm_defaults or {}, HpcSites())
    for warning in plan.warnings:
        session.out.note(f"Warning: {warning}")
    summary = f"{number(plan.job_count, 'job')} in {number(plan.allocations, 'allocation')}"
    if dry_run:
        if not session.is_json:
            session.out.records(ALLOCATION_GROUPS, plan.groups)
        session.out.done(summary, plan.model_dump(mode="json") | {"dry_run": True})
        return
    is_json = None if output is None else output.suffix.lower() in (".json", ".json5")
    text = file_with_allocations(text, file_name=name, plan=plan, as_json=is_json, read_table=read_table)
    if output is None:
        session.out.document(text.rstrip("\n"))
        session.out.note(summary)
        return
    output.write_text(text, encoding="utf-8")
    session.out.done(
        [f"Wrote {output}: {summary}", Hint("Next: {}", torc("submit", str(output)))],
        {"file": str(output), "job_count": plan.job_count, "allocation_count": plan.allocations},
    )
