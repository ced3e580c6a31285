"""`torc workflows`: the records of workflows; what begins and ends their runs is in lifecycle.py."""

from enum import StrEnum
from typing import Annotated

import typer

from torc_cli.commands import actions, lifecycle
from torc_cli.commands.correct_resources import correct_resources
from torc_cli.commands.create import create
from torc_cli.commands.crud import changes, parse_json, show_changed
from torc_cli.commands.diagnose import diagnose
from torc_cli.commands.execution_plan import execution_plan
from torc_cli.commands.porting import export, import_
from torc_cli.commands.regroup import analyze_resources, regroup_resources
from torc_cli.commands.reports import check_resource_utilization
from torc_cli.commands.reset_status import reset_status, sync_status
from torc_cli.commands.run import run
from torc_cli.commands.submit import create_slurm, submit
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command, listing
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError

app = typer.Typer(no_args_is_help=True, help="Create, change, run and delete workflows.")

for name, function in {
    "create": create,
    "create-slurm": create_slurm,
    "init": lifecycle.init,
    "initialize": lifecycle.init,
    "reinit": lifecycle.reinit,
    "reinitialize": lifecycle.reinit,
    "run": run,
    "submit": submit,
    "status": lifecycle.status,
    "cancel": lifecycle.cancel,
    "delete": lifecycle.delete,
    "export": export,
    "import": import_,
    "reset-status": reset_status,
    "sync-status": sync_status,
    "correct-resources": correct_resources,
    "check-resources": check_resource_utilization,
    "analyze-resources": analyze_resources,
    "regroup-resources": regroup_resources,
    "diagnose": diagnose,
    "execution-plan": execution_plan,
    "list-actions": actions.list_actions,
    "update-action": actions.update_action,
    "delete-action": actions.delete_action,
}.items():
    app.command(name)(function)

WORKFLOWS = Table(
    "workflows",
    (
        Column("ID", "id", right=True),
        Column("User", "user"),
        Column("Name", "name"),
        Column("Description", "description", gives_way=True),
        Column("Project", "project", gives_way=True),
        Column("Run", "run_id", right=True),
        Column("Created", "timestamp", time=True),
    ),
)

NameOption = Annotated[str | None, typer.Option("-n", "--name", help="Name of the workflow.")]
DescriptionOption = Annotated[str | None, typer.Option("-d", "--description", help="What the workflow is for.")]


@app.command("new")
@command
def new(
    session: Session,
    *,
    name: Annotated[str, typer.Option("-n", "--name", help="Name of the workflow.")],
    description: DescriptionOption = None,
    project: Annotated[str | None, typer.Option("--project", help="Project that the workflow belongs to.")] = None,
) -> None:
    """Create an empty workflow.

    For example: `torc workflows new --name study`.
    """
    record = WorkflowModel(name=name, user=session.settings.user, description=description, project=project)
    show_changed(session, session.client.workflows.create(record), verb="Created", noun="workflow")


@app.command("list")
@listing
def list_(
    session: Session,
    *,
    all_users: Annotated[bool, typer.Option("--all-users", help="List those of everybody.")] = False,
    archived_only: Annotated[bool, typer.Option("--archived-only", help="List only archived ones.")] = False,
    include_archived: Annotated[bool, typer.Option("--include-archived", help="List archived ones too.")] = False,
    name: Annotated[str | None, typer.Option("--name", help="List only those with this name.")] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
    sort_by: SortOption = None,
    reverse_sort: ReverseOption = False,
) -> None:
    """List workflows.

    For example: `torc workflows list --all-users`.
    """
    workflows = session.client.workflows.list_all(
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        reverse_sort=reverse_sort or None,
        name=name,
        user=None if all_users else session.settings.user,
        is_archived=True if archived_only else None if include_archived else False,
    )
    session.out.records(WORKFLOWS, workflows)


@app.command("get")
@command
def get(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """Show one workflow.

    For example: `torc workflows get 3`.
    """
    session.out.record(session.client.workflows.get(session.workflow_id(workflow_id)))


@app.command("update")
@command
def update(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    name: NameOption = None,
    description: DescriptionOption = None,
    owner_user: Annotated[str | None, typer.Option("--owner-user", help="Give the workflow to this user.")] = None,
    project: Annotated[str | None, typer.Option("--project", help="Project that the workflow belongs to.")] = None,
    metadata: Annotated[
        str | None, typer.Option("--metadata", metavar="JSON", help="Replace the metadata with this object.")
    ] = None,
) -> None:
    """Change a workflow's record.

    For example: `torc workflows update 3 --description "second try"`.
    """
    value = None if metadata is None else parse_json(metadata, what="--metadata")
    if not isinstance(value, dict | None):
        raise InvalidInputError("--metadata is no JSON object", hint='write \'{"key": "value"}\'')
    changed = changes(name=name, description=description, user=owner_user, project=project, metadata=value)
    chosen = session.workflow_id(workflow_id)
    old = session.client.workflows.get(chosen)
    record = WorkflowModel(name=old.name, user=old.user).model_copy(update=changed)
    show_changed(session, session.client.workflows.update(chosen, record), verb="Updated", noun="workflow")


class YesNo(StrEnum):
    TRUE = "true"
    FALSE = "false"


ArchivedArgument = Annotated[YesNo, typer.Argument(help="true archives them, false brings them back.")]


@app.command("archive")
@command
def archive(session: Session, archived: ArchivedArgument, workflow_ids: list[int]) -> None:
    """Archive workflows (true), or bring them back (false).

    For example: `torc workflows archive true 3 4`.
    """
    is_archived = archived is YesNo.TRUE
    changed = [session.client.archive_workflow(each, is_archived=is_archived) for each in workflow_ids]
    verb = "Archived" if is_archived else "Unarchived"
    if session.is_json:
        session.out.records(WORKFLOWS, changed)
    else:
        session.out.done(f"{verb} workflow(s) {', '.join(map(str, workflow_ids))}", {})


@app.command("is-complete")
@command
def is_complete(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """Show whether every job of a workflow has ended.

    For example: `torc workflows is-complete 3`.
    """
    answer = session.client.is_complete(session.workflow_id(workflow_id))
    canceled = " (canceled)" if answer.is_canceled else ""
    session.out.done(f"{'complete' if answer.is_complete else 'not complete'}{canceled}", answer)
