"""`torc mcp`: make Torc's tools known to an AI assistant."""

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from torc_cli.command import command
from torc_cli.session import Session
from torc_core.errors import InvalidInputError

app = typer.Typer(no_args_is_help=True, help="Make Torc's tools known to an AI assistant.")


class Assistant(StrEnum):
    CLAUDE = "claude"
    COPILOT = "copilot"
    VSCODE = "vscode"


class Scope(StrEnum):
    PROJECT = "project"
    USER = "user"


@app.callback()
def mcp() -> None:
    """Make Torc's tools known to an AI assistant."""


@app.command("config")
@command
def config(
    session: Session,
    *,
    agent: Annotated[Assistant, typer.Option("--agent", help="Whose configuration.")],
    scope: Annotated[Scope, typer.Option("--scope", help="For this folder, or for everything you do.")] = Scope.PROJECT,
    write: Annotated[
        bool, typer.Option("--write", help="Put it into the file; other servers in it stay, a backup is kept.")
    ] = False,
) -> None:
    """Print the entry of an assistant's MCP configuration, or put it into its file."""
    from torc_client.mcp_config import SERVER_NAME, config_place, server_entry, write_entry

    place = config_place(agent.value, scope.value, folder=Path.cwd(), environment=os.environ)
    entry = server_entry(agent.value, scope.value, url=session.settings.url, environment=os.environ)
    if not write:
        session.out.note(f"For {place.path}:" if place.path else f"Paste it: {place.hint}")
        session.out.document(json.dumps({place.servers_key: {SERVER_NAME: entry}}, indent=2, ensure_ascii=False))
        return
    if place.path is None:
        raise InvalidInputError(
            f"the {scope.value} configuration of {agent.value} cannot be written from here",
            hint=f"{place.hint} and paste what `torc mcp config --agent {agent.value}` prints",
        )
    done = write_entry(place.path, place.servers_key, entry)
    text = f"{done.path} holds the server {SERVER_NAME} already."
    if done.changed:
        kept = f" (before: {done.backup})" if done.backup else ""
        text = f"Wrote the server {SERVER_NAME} to {done.path}{kept}."
    session.out.done(
        text,
        {"path": str(done.path), "changed": done.changed, "backup": str(done.backup) if done.backup else None},
    )
    if session.settings.password:
        session.out.note("The password is not written: set TORC_PASSWORD where the assistant is started.")
