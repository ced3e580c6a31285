"""`torc jobs`: the jobs of workflows; adding them in bulk is in job_files.py, their logs in job_logs.py."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.commands.crud import changes, delete_all_of, delete_each, show_changed, show_list
from torc_cli.commands.job_files import create_from_file
from torc_cli.commands.job_logs import logs
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument, YesOption
from torc_cli.session.session import Session
from torc_core.api.jobs import JobModel
from torc_core.jobs.status import JobStatus

if TYPE_CHECKING:
    from torc_client.http import TorcClient

app = typer.Typer(no_args_is_help=True, help="The jobs of workflows, and their logs.")
app.command("create-from-file")(create_from_file)
app.command("logs")(logs)

_IDENTITY = (Column("ID", "id", right=True), Column("Name", "name"), Column("Status", "status"))
JOBS = Table("jobs", (*_IDENTITY, Column("Attempt", "attempt_id", right=True), Column("Command", "command")))

IdsOption = list[int] | None


@app.command("create")
@command
def create(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    name: Annotated[str, typer.Option("-n", "--name")],
    command_: Annotated[str, typer.Option("-c", "--command", help="Run by bash.")],
    resource_requirements_id: Annotated[int | None, typer.Option("-r", "--resource-requirements-id")] = None,
    blocking_job_ids: Annotated[
        IdsOption, typer.Option("-b", "--depends-on-job-ids", "--blocking-job-ids", help="May be repeated.")
    ] = None,
    input_file_ids: Annotated[IdsOption, typer.Option("-i", "--input-file-ids", help="May be repeated.")] = None,
    output_file_ids: Annotated[IdsOption, typer.Option("-o", "--output-file-ids", help="May be repeated.")] = None,
    failure_handler_id: Annotated[int | None, typer.Option("--failure-handler-id")] = None,
    priority: Annotated[int | None, typer.Option("--priority", min=0, help="Higher first.")] = None,
) -> None:
    """Add a job to a workflow."""
    record = JobModel(
        workflow_id=session.workflow_id(workflow_id),
        name=name,
        command=command_,
        resource_requirements_id=resource_requirements_id,
        depends_on_job_ids=blocking_job_ids,
        input_file_ids=input_file_ids,
        output_file_ids=output_file_ids,
        failure_handler_id=failure_handler_id,
        priority=priority,
    )
    show_changed(session, session.client.jobs.create(record), verb="Created", noun="job")


@app.command("list")
@command
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    status: Annotated[JobStatus | None, typer.Option("-s", "--status")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The whole name.")] = None,
    command_: Annotated[str | None, typer.Option("--command", help="Part of the command.")] = None,
    upstream_job_id: Annotated[
        int | None, typer.Option("--upstream-job-id", help="Those that depend on this job.")
    ] = None,
    needs_file_id: Annotated[int | None, typer.Option("--needs-file-id", help="Those that read this file.")] = None,
    compute_node_id: Annotated[int | None, typer.Option("--compute-node-id", help="Those this runner has.")] = None,
    include_relationships: Annotated[bool, typer.Option("--include-relationships")] = False,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List jobs."""
    show_list(
        session,
        session.client.jobs,
        JOBS,
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort,
        workflow_id=session.workflow_id(workflow_id),
        status=_meant(status),
        name=name,
        command=command_,
        upstream_job_id=upstream_job_id,
        needs_file_id=needs_file_id,
        active_compute_node_id=compute_node_id,
        include_relationships=include_relationships or None,
    )


def _meant(status: JobStatus | None) -> list[str] | None:
    """In a recovery hook `failed` names all jobs that the hook may mend, also those that wait for a decision."""
    if status is not JobStatus.FAILED:
        return None if status is None else [status]
    from torc_core.jobs.status import FAILURES
    from torc_core.recovery.plan import RECOVERY_HOOK_VARIABLE

    return sorted(FAILURES) if os.environ.get(RECOVERY_HOOK_VARIABLE) else [status]


@app.command("get")
@command
def get(session: Session, job_id: int) -> None:
    """Show one job."""
    session.out.record(session.client.jobs.get(job_id))


@app.command("update")
@command
def update(
    session: Session,
    job_id: int,
    *,
    name: Annotated[str | None, typer.Option("-n", "--name")] = None,
    command_: Annotated[str | None, typer.Option("-c", "--command")] = None,
    priority: Annotated[int | None, typer.Option("--priority", min=0, help="Higher first.")] = None,
    resource_requirements_id: Annotated[int | None, typer.Option("--resource-requirements-id")] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="For this job alone, for example 8g.")] = None,
    runtime: Annotated[str | None, typer.Option("--runtime", help="For this job alone, for example PT4H.")] = None,
) -> None:
    """Change one job."""
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
    """The record of a copy of the job's requirements with other amounts: jobs that share the old one keep it."""
    from torc_client.requirements import plan_own_requirements

    _, own = plan_own_requirements(client, job, memory=memory, runtime=runtime)
    return client.resource_requirements.create(own).id


@app.command("delete")
@command
def delete(session: Session, job_ids: list[int]) -> None:
    """Delete jobs."""
    delete_each(session, session.client.jobs, job_ids, noun="job")


@app.command("delete-all")
@command
def delete_all(session: Session, workflow_id: WorkflowArgument = None, *, yes: YesOption = False) -> None:
    """Delete all jobs of a workflow."""
    delete_all_of(session, session.client.jobs, workflow_id, noun="jobs", yes=yes)


@app.command("reset-status")
@command
def reset_status(
    session: Session,
    job_ids: list[int],
    *,
    reinit: Annotated[bool, typer.Option("--reinit", help="Decide at once which of them are ready.")] = False,
) -> None:
    """Send single jobs back to their beginning."""
    from torc_cli.commands.job_reset import reset_jobs

    reset_jobs(session, job_ids, reinit=reinit)


@app.command("list-resource-requirements")
@command
def list_resource_requirements(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    job_id: Annotated[int | None, typer.Option("-j", "--job-id")] = None,
) -> None:
    """List what each job needs."""
    from torc_cli.commands.job_tables import show_requirements

    show_requirements(session, session.workflow_id(workflow_id), job_id)


@app.command("list-failure-handlers")
@command
def list_failure_handlers(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    job_id: Annotated[int | None, typer.Option("-j", "--job-id")] = None,
) -> None:
    """List which failure handler each job has."""
    from torc_cli.commands.job_tables import show_failure_handlers

    show_failure_handlers(session, session.workflow_id(workflow_id), job_id)
