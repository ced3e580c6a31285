"""`torc tokens`: personal tokens of the caller."""

from enum import StrEnum
from typing import Annotated

import typer

from torc_cli.render.base import Column, Table
from torc_cli.session.command import command, listing
from torc_cli.session.session import Session
from torc_core.api.tokens import TokenRequest

app = typer.Typer(no_args_is_help=True, help="Tokens that stand for you, with a scope and an end.")

_DAY_S = 86_400.0


class ScopeChoice(StrEnum):
    """The most that a token allows."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"
    ADMIN = "admin"


TOKENS = Table(
    "tokens",
    (
        Column("ID", "id", right=True),
        Column("Name", "name"),
        Column("User", "user_name"),
        Column("Scope", "scope"),
        Column("Workflow", "workflow_id", right=True),
        Column("Agent", "agent"),
        Column("Expires", "expires_at", time=True),
    ),
)


@app.command("create")
@command
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What it is for, such as the machine that uses it.")],
    *,
    scope: Annotated[ScopeChoice, typer.Option("--scope", help="What it allows at most.")] = ScopeChoice.OPERATOR,
    days: Annotated[float, typer.Option("--days", min=0.01, help="How long it is valid.")] = 90.0,
    workflow_id: Annotated[int | None, typer.Option("--workflow", help="Allow this workflow alone.")] = None,
) -> None:
    """Make a token; it is printed this once.

    For example: `torc tokens create laptop --scope viewer --days 30`.
    """
    request = TokenRequest(name=name, scope=scope.value, expires_in_s=days * _DAY_S, workflow_id=workflow_id)
    token = session.client.access.create_token(request)
    session.out.done(str(token.token), token)
    session.out.note(f"Valid until {token.expires_at}. Use it as TORC_API_TOKEN; it cannot be shown again.")


@app.command("list")
@listing
def list_(session: Session) -> None:
    """List your tokens; administrators see everybody's.

    For example: `torc tokens list`.
    """
    session.out.records(TOKENS, session.client.access.tokens())


@app.command("revoke")
@command
def revoke(session: Session, token_id: int) -> None:
    """Make a token worthless at once.

    For example: `torc tokens revoke 3`.
    """
    token = session.client.access.revoke_token(token_id)
    session.out.done(f"Token {token_id} ({token.name}) is revoked", token)
