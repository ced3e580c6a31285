"""`torc resource-requirements`: what jobs need."""

from typing import Annotated

import typer

from torc_cli.commands.crud import changes, delete_each, show_changed, show_list
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.resource_requirements import ResourceRequirementsModel

app = typer.Typer(no_args_is_help=True, help="What jobs need: CPUs, memory, GPUs, nodes, time.")

REQUIREMENTS = Table(
    "resource requirements",
    (
        Column("ID", "id", right=True),
        Column("Name", "name"),
        Column("CPUs", "num_cpus", right=True),
        Column("GPUs", "num_gpus", right=True),
        Column("Nodes", "num_nodes", right=True),
        Column("Memory", "memory", right=True),
        Column("Runtime", "runtime", right=True),
    ),
)

NumCpus = Annotated[int | None, typer.Option("--num-cpus", min=0)]
NumGpus = Annotated[int | None, typer.Option("--num-gpus", min=0)]
NumNodes = Annotated[int | None, typer.Option("--num-nodes", min=1)]
Memory = Annotated[str | None, typer.Option("-m", "--memory", metavar="AMOUNT", help="For example 512m or 8g.")]
Runtime = Annotated[str | None, typer.Option("-r", "--runtime", metavar="ISO8601", help="For example PT4H.")]


@app.command("create")
@command
def create(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    name: Annotated[str, typer.Option("-n", "--name")],
    num_cpus: NumCpus = 1,
    num_gpus: NumGpus = 0,
    num_nodes: NumNodes = 1,
    memory: Memory = "1m",
    runtime: Runtime = "P0DT1M",
) -> None:
    """Add a requirement to a workflow."""
    record = ResourceRequirementsModel(
        workflow_id=session.workflow_id(workflow_id),
        name=name,
        num_cpus=num_cpus or 0,
        num_gpus=num_gpus or 0,
        num_nodes=num_nodes or 1,
        memory=memory or "1m",
        runtime=runtime or "P0DT1M",
    )
    created = session.client.resource_requirements.create(record)
    show_changed(session, created, verb="Created", noun="resource requirements")


@app.command("list")
@command
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    job_id: Annotated[int | None, typer.Option("-j", "--job-id", help="Of this job.")] = None,
    name: Annotated[str | None, typer.Option("--name")] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List requirements."""
    show_list(
        session,
        session.client.resource_requirements,
        REQUIREMENTS,
        workflow_id=session.workflow_id(workflow_id),
        job_id=job_id,
        name=name,
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort,
    )


@app.command("get")
@command
def get(session: Session, requirements_id: int) -> None:
    """Show one requirement."""
    session.out.record(session.client.resource_requirements.get(requirements_id))


@app.command("update")
@command
def update(
    session: Session,
    requirements_id: int,
    *,
    name: Annotated[str | None, typer.Option("-n", "--name")] = None,
    num_cpus: NumCpus = None,
    num_gpus: NumGpus = None,
    num_nodes: NumNodes = None,
    memory: Memory = None,
    runtime: Runtime = None,
) -> None:
    """Change one requirement, for every job that has it."""
    changed = changes(
        name=name, num_cpus=num_cpus, num_gpus=num_gpus, num_nodes=num_nodes, memory=memory, runtime=runtime
    )
    old = session.client.resource_requirements.get(requirements_id)
    new = session.client.resource_requirements.update(requirements_id, old.model_copy(update=changed))
    show_changed(session, new, verb="Updated", noun="resource requirements")


@app.command("delete")
@command
def delete(session: Session, requirements_ids: list[int]) -> None:
    """Delete requirements."""
    delete_each(session, session.client.resource_requirements, requirements_ids, noun="resource requirement")
