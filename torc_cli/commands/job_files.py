"""`torc jobs create-from-file`: one job for each line."""

from pathlib import Path
from typing import Annotated

import typer

from torc_cli.command import command
from torc_cli.session import Session
from torc_core.api.jobs import JobModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.errors import InvalidInputError


@command
def create_from_file(
    session: Session,
    workflow_id: int,
    file: Annotated[Path, typer.Argument(help="One command in each line; lines that begin with # are comments.")],
    *,
    cpus_per_job: Annotated[int, typer.Option("--cpus-per-job", min=0)] = 1,
    memory_per_job: Annotated[str, typer.Option("--memory-per-job")] = "1m",
    runtime_per_job: Annotated[str, typer.Option("--runtime-per-job")] = "P0DT1M",
) -> None:
    """Add one job for each line of a file."""
    from torc_client.specs import read_spec_text

    commands = [line.strip() for line in read_spec_text(file).splitlines()]
    commands = [line for line in commands if line and not line.startswith("#")]
    if not commands:
        raise InvalidInputError(f"{file}: there is no command in it", hint="write one command in each line")
    client = session.client
    first = client.jobs.page(workflow_id=workflow_id, limit=1).total_count + 1
    needs = client.resource_requirements.create(
        ResourceRequirementsModel(
            workflow_id=workflow_id,
            name=f"{file.stem}_{first}",
            num_cpus=cpus_per_job,
            memory=memory_per_job,
            runtime=runtime_per_job,
        )
    )
    created = client.create_jobs(
        [
            JobModel(workflow_id=workflow_id, name=f"job{number}", command=line, resource_requirements_id=needs.id)
            for number, line in enumerate(commands, start=first)
        ]
    )
    session.out.done(
        f"Created {len(created)} jobs in workflow {workflow_id}",
        {"workflow_id": workflow_id, "jobs_created": len(created), "job_ids": [job.id for job in created]},
    )
