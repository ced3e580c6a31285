"""`torc jobs`: the jobs of workflows; adding them in bulk is in job_files.py, their logs in job_logs.py."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.commands.crud import changes, show_changed
from torc_cli.commands.job_environment import env
from torc_cli.commands.job_files import create_from_file
from torc_cli.commands.job_logs import logs
from torc_cli.commands.job_reset import reset_status
from torc_cli.commands.jobs_running import running
from torc_cli.commands.jobs_spawn import spawn
from torc_cli.commands.record_commands import REQUIRED, RecordCommands
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command, listing
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.jobs import JobModel
from torc_core.jobs.status import JobStatus

if TYPE_CHECKING:
    from torc_client.http import TorcClient

app = typer.Typer(no_args_is_help=True, help="The jobs of workflows, and their logs.")
app.command("create-from-file")(create_from_file)
app.command("logs")(logs)
app.command("running")(running)
app.command("spawn")(spawn)

_IDENTITY = (Column("ID", "id", right=True), Column("Name", "name"), Column("Status", "status"))
JOBS = Table("jobs", (*_IDENTITY, Column("Attempt", "attempt_id", right=True), Column("Command", "command")))

IdsOption = list[int] | None


def _statuses(status: JobStatus) -> list[str]:
    """Return the statuses to list; in a recovery hook `failed` names also the jobs that wait for a decision."""
    if status is not JobStatus.FAILED:
        return [status]
    from torc_core.jobs.status import FAILURES
    from torc_core.recovery.plan import RECOVERY_HOOK_VARIABLE

    return sorted(FAILURES) if os.environ.get(RECOVERY_HOOK_VARIABLE) else [status]


commands = RecordCommands(app, lambda client: client.jobs, JOBS, noun="job", id_name="job_id", group="jobs")
commands.create(
    "Add a job to a workflow.",
    JobModel.model_validate,
    {
        "name": (Annotated[str, typer.Option("-n", "--name", help="Name of the job.")], REQUIRED),
        "command": (Annotated[str, typer.Option("-c", "--command", help="What the job does; bash runs it.")], REQUIRED),
        "resource_requirements_id": Annotated[
            int | None, typer.Option("-r", "--resource-requirements-id", help="What the job needs.")
        ],
        "depends_on_job_ids": Annotated[
            IdsOption,
            typer.Option(
                "-b", "--depends-on-job-ids", "--blocking-job-ids", help="A job to wait for; may be repeated."
            ),
        ],
        "input_file_ids": Annotated[
            IdsOption, typer.Option("-i", "--input-file-ids", help="A file that the job reads; may be repeated.")
        ],
        "output_file_ids": Annotated[
            IdsOption, typer.Option("-o", "--output-file-ids", help="A file that the job writes; may be repeated.")
        ],
        "failure_handler_id": Annotated[
            int | None, typer.Option("--failure-handler-id", help="The rules for its failures.")
        ],
        "priority": Annotated[
            int | None, typer.Option("--priority", min=0, help="Jobs with a higher one start first.")
        ],
    },
    example='--name fit --command "bash fit.sh"',
)
commands.list(
    "List jobs.",
    {
        "status": Annotated[
            JobStatus | None, typer.Option("-s", "--status", metavar="STATUS", help="Only those with this status.")
        ],
        "name": Annotated[str | None, typer.Option("--name", help="Only the one with this name.")],
        "command": Annotated[str | None, typer.Option("--command", help="Only those with this in their command.")],
        "upstream_job_id": Annotated[
            int | None, typer.Option("--upstream-job-id", help="Only those that depend on this job.")
        ],
        "needs_file_id": Annotated[int | None, typer.Option("--needs-file-id", help="Only those that read this file.")],
        "active_compute_node_id": Annotated[
            int | None, typer.Option("--compute-node-id", help="Only those that this runner has.")
        ],
        "include_relationships": (
            Annotated[
                bool,
                typer.Option("--include-relationships", help="With the ids of the jobs, files and values they name."),
            ],
            False,
        ),
    },
    convert={"status": _statuses},
)
commands.get("Show one job.")


@app.command("update")
@command
def update(
    session: Session,
    job_id: int,
    *,
    name: Annotated[str | None, typer.Option("-n", "--name", help="Name of the job.")] = None,
    command_: Annotated[str | None, typer.Option("-c", "--command", help="What the job does; bash runs it.")] = None,
    priority: Annotated[
        int | None, typer.Option("--priority", min=0, help="Jobs with a higher one start first.")
    ] = None,
    resource_requirements_id: Annotated[
        int | None, typer.Option("--resource-requirements-id", help="What the job needs.")
    ] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="For this job alone, for example 8g.")] = None,
    runtime: Annotated[str | None, typer.Option("--runtime", help="For this job alone, for example PT4H.")] = None,
) -> None:
    """Change one job.

    For example: `torc jobs update 12 --runtime PT4H`.
    """
    named = changes(
        name=name,
        command=command_,
        priority=priority,
        resource_requirements_id=resource_requirements_id,
        own_amounts=memory or runtime,
    )
    named.pop("own_amounts", None)
    old = session.client.jobs.get(job_id)
    if memory or runtime:
        named["resource_requirements_id"] = _own_requirements(
            session.client, old.model_copy(update=named), memory=memory, runtime=runtime
        )
    record = JobModel(workflow_id=old.workflow_id, name=old.name, command=old.command).model_copy(update=named)
    show_changed(session, session.client.jobs.update(job_id, record), verb="Updated", noun="job")


def _own_requirements(client: "TorcClient", job: JobModel, *, memory: str | None, runtime: str | None) -> int | None:
    """Create a copy of the job's resource requirement with other amounts; jobs that share the old one keep it."""
    from torc_client.requirements import plan_own_requirements

    _, own = plan_own_requirements(client, job, memory=memory, runtime=runtime)
    return client.resource_requirements.create(own).id


commands.delete("Delete jobs.")
commands.delete_all("Delete all jobs of a workflow.", noun="jobs")


app.command("reset-status")(reset_status)
app.command("env")(env)


@app.command("list-resource-requirements")
@listing
def list_resource_requirements(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    job_id: Annotated[int | None, typer.Option("-j", "--job-id", help="Only that of this job.")] = None,
) -> None:
    """List what each job needs.

    For example: `torc jobs list-resource-requirements 3`.
    """
    from torc_cli.commands.job_tables import show_requirements

    show_requirements(session, session.workflow_id(workflow_id), job_id)


@app.command("list-failure-handlers")
@listing
def list_failure_handlers(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    job_id: Annotated[int | None, typer.Option("-j", "--job-id", help="Only that of this job.")] = None,
) -> None:
    """List which failure handler each job has.

    For example: `torc jobs list-failure-handlers 3`.
    """
    from torc_cli.commands.job_tables import show_failure_handlers

    show_failure_handlers(session, session.workflow_id(workflow_id), job_id)
