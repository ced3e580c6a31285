"""`torc admin`: what administrators of a server do."""

from typing import Final

import typer

from torc_cli.render.base import Column, Table
from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, OffsetOption
from torc_cli.session.session import Session

app = typer.Typer(no_args_is_help=True, help="What administrators of a server do.")


_AUDIT_LOG: Final = Table(
    "entries",
    (
        Column("ID", "id", right=True),
        Column("Time", "timestamp", time=True),
        Column("User", "user_name"),
        Column("Address", "address"),
        Column("Request", lambda entry: f"{entry.method} {entry.path}"),
    ),
)


@app.command("list-audit-log")
@command
def list_audit_log(session: Session, *, limit: LimitOption = None, offset: OffsetOption = 0) -> None:
    """List who changed groups, members, shares and tokens, or deleted workflows; the newest first.

    For example: `torc admin list-audit-log --limit 20`.
    """
    session.out.records(_AUDIT_LOG, session.client.access.audit_log(offset=offset, limit=limit))


@app.command("reload-auth")
@command
def reload_auth(session: Session) -> None:
    """Let the server read its file of users again.

    For example: `torc admin reload-auth`.
    """
    answer = session.client.access.reload_auth()
    session.out.done(answer.message, answer)
