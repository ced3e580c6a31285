"""`torc access-groups`: groups of users, and the workflows that are shared with them."""

from enum import StrEnum
from typing import Annotated

import typer

from torc_cli.render.base import Column, Table
from torc_cli.session.command import command, listing
from torc_cli.session.options import YesOption
from torc_cli.session.session import Session
from torc_core.api.access import GroupMembershipModel

app = typer.Typer(no_args_is_help=True, help="Groups of users, and the workflows that are shared with them.")


class Role(StrEnum):
    """What somebody is in a group: a viewer looks, a member also runs and decides, an admin also keeps the members."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"


GROUPS = Table(
    "access groups",
    (
        Column("ID", "id", right=True),
        Column("Name", "name"),
        Column("Description", "description"),
        Column("Created", "created_at", time=True),
    ),
)
MEMBERS = Table(
    "members", (Column("User", "user_name"), Column("Role", "role"), Column("Since", "created_at", time=True))
)
GroupName = Annotated[str, typer.Argument(help="Name of the new group.")]
UserName = Annotated[str, typer.Argument(help="Name of the user at the server.")]
DescriptionOption = Annotated[str | None, typer.Option("-d", "--description", help="What the group is for.")]
RoleOption = Annotated[Role, typer.Option("-r", "--role", help="What the user may do on shared workflows.")]


@app.command("create")
@command
def create(session: Session, name: GroupName, *, description: DescriptionOption = None) -> None:
    """Create a group; administrators can.

    For example: `torc access-groups create modelers`.
    """
    group = session.client.access.create_group(name, description=description)
    session.out.done(f"Created access group {group.id} ({group.name})", group)


@app.command("list")
@listing
def list_(session: Session) -> None:
    """List the groups that you may see.

    For example: `torc access-groups list`.
    """
    session.out.records(GROUPS, session.client.access.groups())


@app.command("get")
@command
def get(session: Session, group_id: int) -> None:
    """Show one group.

    For example: `torc access-groups get 3`.
    """
    session.out.record(session.client.access.group(group_id))


@app.command("delete")
@command
def delete(session: Session, group_id: int, *, yes: YesOption = False) -> None:
    """Delete a group; workflows lose the share, and stay.

    For example: `torc access-groups delete 3 --no-prompts`.
    """
    group = session.client.access.group(group_id)
    if session.agrees(f"Delete access group {group_id} ({group.name})?", without_asking=yes):
        session.client.access.delete_group(group_id)
        session.out.done(f"Deleted access group {group_id} ({group.name})", group)


@app.command("add-user")
@command
def add_user(session: Session, group_id: int, user_name: UserName, *, role: RoleOption = Role.MEMBER) -> None:
    """Put a user into a group.

    For example: `torc access-groups add-user 3 vera --role viewer`.
    """
    member = GroupMembershipModel(user_name=user_name, role=role.value)
    added = session.client.access.add_member(group_id, member)
    session.out.done(f"{user_name} is a {role} of access group {group_id}", added)


@app.command("remove-user")
@command
def remove_user(session: Session, group_id: int, user_name: UserName) -> None:
    """Take a user out of a group.

    For example: `torc access-groups remove-user 3 vera`.
    """
    removed = session.client.access.remove_member(group_id, user_name)
    session.out.done(f"{user_name} is no longer in access group {group_id}", removed)


@app.command("list-members")
@listing
def list_members(session: Session, group_id: int) -> None:
    """List the users of a group with their roles.

    For example: `torc access-groups list-members 3`.
    """
    session.out.records(MEMBERS, session.client.access.members(group_id))


@app.command("list-user-groups")
@listing
def list_user_groups(session: Session, user_name: UserName) -> None:
    """List the groups of a user.

    For example: `torc access-groups list-user-groups vera`.
    """
    session.out.records(GROUPS, session.client.access.groups_of_user(user_name))


@app.command("add-workflow")
@command
def add_workflow(session: Session, group_id: int, workflow_id: int) -> None:
    """Share a workflow with a group.

    For example: `torc access-groups add-workflow 3 42`.
    """
    shared = session.client.access.share(workflow_id, group_id)
    session.out.done(f"Workflow {workflow_id} is shared with access group {group_id}", shared)


@app.command("remove-workflow")
@command
def remove_workflow(session: Session, group_id: int, workflow_id: int) -> None:
    """Share a workflow with a group no longer.

    For example: `torc access-groups remove-workflow 3 42`.
    """
    removed = session.client.access.unshare(workflow_id, group_id)
    session.out.done(f"Workflow {workflow_id} is no longer shared with access group {group_id}", removed)


@app.command("list-workflow-groups")
@listing
def list_workflow_groups(session: Session, workflow_id: int) -> None:
    """List the groups that a workflow is shared with.

    For example: `torc access-groups list-workflow-groups 42`.
    """
    session.out.records(GROUPS, session.client.access.groups_of_workflow(workflow_id))


@app.command("check-access")
@command
def check_access(session: Session, workflow_id: int, user_name: UserName) -> None:
    """Show whether a user may see a workflow, and why.

    For example: `torc access-groups check-access 42 vera`.
    """
    found = session.client.access.check(workflow_id, user_name)
    answer = "may" if found.has_access else "may not"
    session.out.done(f"{user_name} {answer} see workflow {workflow_id}: {found.reason}", found)
