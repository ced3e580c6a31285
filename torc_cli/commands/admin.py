"""`torc admin`: what administrators of a server do."""

import typer

from torc_cli.session.command import command
from torc_cli.session.session import Session

app = typer.Typer(no_args_is_help=True, help="What administrators of a server do.")


@app.callback()
def admin() -> None:
    """Keep `reload-auth` a command of its own: a group of one command is that command for Typer."""


@app.command("reload-auth")
@command
def reload_auth(session: Session) -> None:
    """Let the server read its file of users again.

    For example: `torc admin reload-auth`.
    """
    answer = session.client.access.reload_auth()
    session.out.done(answer.message, answer)
