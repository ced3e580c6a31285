"""`torc jobs spawn`: a running job adds jobs to its workflow."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.api.spawning import SpawnJobsRequest
from torc_core.errors import InvalidInputError


@command
def spawn(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Read the jobs from this JSON; - is standard input.")],
    *,
    job_id: Annotated[
        int | None, typer.Option("--job-id", envvar="TORC_JOB_ID", help="The running job that adds them.")
    ] = None,
    lineage: Annotated[
        str | None,
        typer.Option(
            "--lineage", envvar="TORC_ORCHESTRATOR_LINEAGE_ID", help="Whose next generation they are: the job's name."
        ),
    ] = None,
) -> None:
    """Add jobs that wait for the running job, from inside it: a list, or an object with `jobs` and `state`.

    Jobs have `name` and `command`, and may have `depends_on`, `resource_requirements`, `priority` and `labels`. An
    empty list ends the lineage. The same jobs again change nothing.

    For example: `torc jobs spawn next.json`.
    """
    from torc_client.specs import read_spec_text, shown_name

    if job_id is None:
        raise InvalidInputError("no job adds these jobs", hint="run this in a job, or name one by --job-id")
    request = _request(read_spec_text(file), shown_name(file))
    if lineage and request.lineage is None:
        request.lineage = lineage
    answer = session.client.spawn_jobs(job_id, request)
    added = len(answer.spawned_job_ids)
    session.out.done(
        f"Generation {answer.iteration}: {number(added, 'job')} wait for job {job_id}"
        if added
        else f"The lineage ends after generation {answer.iteration}",
        answer,
    )


def _request(text: str, name: str) -> SpawnJobsRequest:
    """Return what the text asks for. Raises InvalidInputError for anything but jobs."""
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{name}: not valid JSON: {error}") from error
    try:
        return SpawnJobsRequest.model_validate({"jobs": value} if isinstance(value, list) else value, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise InvalidInputError(f"{name}: {place}: {first['msg']}", hint="give a list of jobs") from error
