"""`torc resource-requirements`: what jobs need."""

from typing import Annotated

import typer

from torc_cli.commands.record_commands import REQUIRED, RecordCommands
from torc_cli.render.base import Column, Table
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

NumCpus = Annotated[int | None, typer.Option("--num-cpus", min=0, help="CPUs of one job.")]
NumGpus = Annotated[int | None, typer.Option("--num-gpus", min=0, help="GPUs of one job.")]
NumNodes = Annotated[int | None, typer.Option("--num-nodes", min=1, help="Nodes of one job.")]
Memory = Annotated[
    str | None, typer.Option("-m", "--memory", metavar="AMOUNT", help="Memory of one job, for example 512m or 8g.")
]
Runtime = Annotated[
    str | None,
    typer.Option("-r", "--runtime", metavar="ISO8601", help="The longest that one job takes, for example PT4H."),
]


commands = RecordCommands(
    app,
    lambda client: client.resource_requirements,
    REQUIREMENTS,
    noun="resource requirements",
    id_name="requirements_id",
    group="resource-requirements",
)
commands.create(
    "Add a requirement to a workflow.",
    ResourceRequirementsModel.model_validate,
    {
        "name": (Annotated[str, typer.Option("-n", "--name", help="Name of the requirement.")], REQUIRED),
        "num_cpus": (NumCpus, 1),
        "num_gpus": (NumGpus, 0),
        "num_nodes": (NumNodes, 1),
        "memory": (Memory, "1m"),
        "runtime": (Runtime, "P0DT1M"),
    },
    example="--name large --memory 8g --runtime PT4H",
)
commands.list(
    "List requirements.",
    {
        "job_id": Annotated[int | None, typer.Option("-j", "--job-id", help="Only that of this job.")],
        "name": Annotated[str | None, typer.Option("--name", help="Only the one with this name.")],
    },
)
commands.get("Show one requirement.")
commands.update(
    "Change one requirement, for every job that has it.",
    {
        "name": Annotated[str | None, typer.Option("-n", "--name", help="Name of the requirement.")],
        "num_cpus": NumCpus,
        "num_gpus": NumGpus,
        "num_nodes": NumNodes,
        "memory": Memory,
        "runtime": Runtime,
    },
    example="--memory 16g",
)
commands.delete("Delete requirements.", noun="resource requirement")
