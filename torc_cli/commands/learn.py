"""`torc failures learn`: what decisions and their outcomes teach, as a table or as texts to train with."""

from pathlib import Path
from typing import Annotated

import typer

from torc_cli.session.command import command
from torc_cli.session.session import Session


@command
def learn(
    session: Session,
    workflow_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Read these workflows; all when left out.")
    ] = None,
    *,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write texts and outcomes to this new file, for `make train`."),
    ] = None,
) -> None:
    """Show the decided signatures with the outcomes of their decisions, and what these teach.

    For example: `torc failures learn --export lessons.yaml`.
    """
    import yaml

    from torc_cli.render.failure_text import LESSONS
    from torc_cli.render.text import number
    from torc_client.recovery.learning import as_corpus, read_lessons
    from torc_core.errors import InvalidInputError

    if export is not None and export.exists():
        raise InvalidInputError(f"{export} exists already", hint="name a new file")
    chosen = workflow_ids or [each.id or 0 for each in session.client.workflows.list_all()]
    lessons = read_lessons(session.client, chosen)
    session.out.records(LESSONS, lessons)
    if export is None:
        return
    entries = as_corpus(lessons)
    export.write_text(yaml.safe_dump(entries, sort_keys=False, allow_unicode=True), encoding="utf-8")
    # what was redacted is what is known to be a secret: a person looks before the file leaves the site
    session.out.note(f"Wrote {number(len(entries), 'lesson')} to {export}. Read it before you give it to others.")
