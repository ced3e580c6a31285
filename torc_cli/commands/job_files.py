"""`torc jobs create-from-file`: one job for each line."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.api.jobs import JobModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.errors import InvalidInputError

if TYPE_CHECKING:
    from torc_client.http import TorcClient


@command
def create_from_file(
    session: Session,
    workflow_id: int,
    file: Annotated[Path, typer.Argument(help="One command in each line; lines that begin with # are comments.")],
    *,
    cpus_per_job: Annotated[int | None, typer.Option("--cpus-per-job", min=0, help="1 when left out.")] = None,
    memory_per_job: Annotated[
        str | None, typer.Option("--memory-per-job", help="No limit when left out; for example 2g.")
    ] = None,
    runtime_per_job: Annotated[
        str | None, typer.Option("--runtime-per-job", help="No limit when left out; for example PT4H.")
    ] = None,
) -> None:
    """Add one job for each line of a file.

    For example: `torc jobs create-from-file 3 commands.txt --memory-per-job 2g`.
    """
    from torc_client.specs import read_spec_text

    commands = [line.strip() for line in read_spec_text(file).splitlines()]
    commands = [line for line in commands if line and not line.startswith("#")]
    if not commands:
        raise InvalidInputError(f"{file}: there is no command in it", hint="write one command in each line")
    client = session.client
    first = client.jobs.page(workflow_id=workflow_id, limit=1).total_count + 1
    given = {"num_cpus": cpus_per_job, "memory": memory_per_job, "runtime": runtime_per_job}
    stated = {field: value for field, value in given.items() if value is not None}
    needs_id = _create_requirements(client, workflow_id, f"{file.stem}_{first}", stated) if stated else None
    created = client.create_jobs(
        [
            JobModel(workflow_id=workflow_id, name=f"job{number}", command=line, resource_requirements_id=needs_id)
            for number, line in enumerate(commands, start=first)
        ]
    )
    session.out.done(
        f"Created {len(created)} jobs in workflow {workflow_id}",
        {"workflow_id": workflow_id, "jobs_created": len(created), "job_ids": [job.id for job in created]},
    )


def _create_requirements(
    client: "TorcClient", workflow_id: int, name: str, stated: Mapping[str, int | str]
) -> int | None:
    """Create a resource requirement with the stated amounts; the others are no limits."""
    from torc_client.requirements import NO_LIMITS

    record = ResourceRequirementsModel.model_validate({"workflow_id": workflow_id, "name": name, **NO_LIMITS, **stated})
    return client.resource_requirements.create(record).id
