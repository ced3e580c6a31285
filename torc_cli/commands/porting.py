"""`torc workflows export` and `import`: a workflow as one document."""

from pathlib import Path
from typing import Annotated

import typer

from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.hints import Hint, torc


@command
def export(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write to this file; to stdout when left out.")
    ] = None,
    include_results: Annotated[
        bool, typer.Option("--include-results", help="Write the results of attempts too.")
    ] = False,
    include_events: Annotated[bool, typer.Option("--include-events", help="Write the stored events too.")] = False,
) -> None:
    """Write a workflow with all its records as one JSON document.

    For example: `torc workflows export 3 -o workflow.json`.
    """
    from torc_client.export.document import export_workflow

    chosen = session.workflow_id(workflow_id)
    document = export_workflow(session.client, chosen, with_results=include_results, with_events=include_events)
    text = document.model_dump_json(indent=2, exclude_none=True, by_alias=True)
    if output is None:
        session.out.document(text)
        return
    output.write_text(f"{text}\n", encoding="utf-8")
    session.out.done(
        f"Exported workflow {chosen} with {number(len(document.jobs), 'job')} to {output}",
        {"workflow_id": chosen, "output": str(output), "job_count": len(document.jobs)},
    )


@command
def import_(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Read what export wrote; - for stdin.")],
    *,
    name: Annotated[str | None, typer.Option("--name", help="Give the new workflow another name.")] = None,
    include_results: Annotated[
        bool,
        typer.Option(
            "--include-results/--skip-results", help="Store the results of attempts too; the file holds them."
        ),
    ] = False,
    include_events: Annotated[
        bool, typer.Option("--include-events/--skip-events", help="Store the events too; the file holds them.")
    ] = False,
) -> None:
    """Create a workflow from an exported one, with every job at its beginning.

    For example: `torc workflows import workflow.json --name again`.
    """
    from torc_client.export.document import as_draft, left_out, parse_portable
    from torc_client.export.history import refuse_missing_history, restore_history
    from torc_client.specs import read_spec_text

    text = read_spec_text(Path(file), hint=Hint("make one with `{}`", torc("workflows export")))
    portable = parse_portable(text, source=file)
    draft = as_draft(portable, user=session.settings.user, name=name)
    refuse_missing_history(portable, results=include_results, events=include_events)
    for words in left_out(portable):
        session.out.note(f"Warning: {words} of the file is left out.")
    created = session.client.create_from_draft(draft)
    workflow_id = created.workflow.id or 0
    results, events = restore_history(
        session.client,
        portable,
        workflow_id,
        created.first_job_id or 0,
        results=include_results,
        events=include_events,
    )
    kept = "".join(f", {number(count, noun)}" for count, noun in ((results, "result"), (events, "event")) if count)
    session.out.done(
        f"Created workflow {workflow_id} with {number(created.job_count, 'job')}{kept}",
        {
            "workflow_id": workflow_id,
            "status": "success",
            "job_count": created.job_count,
            "result_count": results,
            "event_count": events,
        },
    )
