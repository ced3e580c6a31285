"""`torc mcp`: make Torc's tools known to an AI assistant."""

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc

_BOUNDS = "What the assistant may do"

app = typer.Typer(no_args_is_help=True, help="Make Torc's tools known to an AI assistant.")


class Assistant(StrEnum):
    CLAUDE = "claude"
    COPILOT = "copilot"
    VSCODE = "vscode"


class ConfigScope(StrEnum):
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
    agent: Annotated[Assistant, typer.Option("--agent", help="Print the configuration for this assistant.")],
    scope: Annotated[
        ConfigScope, typer.Option("--scope", help="Configure it for this folder, or for everything you do.")
    ] = ConfigScope.PROJECT,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Write it to the file. Other servers stay, and what you added to this one; a backup is kept.",
        ),
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Let the assistant only look.", rich_help_panel=_BOUNDS)
    ] = False,
    proposals_only: Annotated[
        bool,
        typer.Option("--proposals-only", help="Let it propose, so that a person approves.", rich_help_panel=_BOUNDS),
    ] = False,
    max_memory: Annotated[
        str | None,
        typer.Option(
            "--max-memory", metavar="64g", help="Let it give no job more memory than this.", rich_help_panel=_BOUNDS
        ),
    ] = None,
    max_runtime: Annotated[
        str | None,
        typer.Option(
            "--max-runtime", metavar="PT12H", help="Let it give no job more runtime than this.", rich_help_panel=_BOUNDS
        ),
    ] = None,
) -> None:
    """Print the entry for an assistant's MCP configuration, or write it with --write.

    For example: `torc mcp config --agent claude --proposals-only`.
    """
    from torc_client.agents.mcp_config import SERVER_NAME, config_place, server_entry, write_entry

    place = config_place(agent.value, scope.value, folder=Path.cwd(), environment=os.environ)
    arguments = _arguments(
        read_only=read_only, proposals_only=proposals_only, max_memory=max_memory, max_runtime=max_runtime
    )
    entry = server_entry(
        agent.value, scope.value, url=session.settings.url, arguments=arguments, environment=os.environ
    )
    if not write:
        session.out.note(f"For {place.path}:" if place.path else f"Paste it: {place.hint}")
        session.out.document(json.dumps({place.servers_key: {SERVER_NAME: entry}}, indent=2, ensure_ascii=False))
        return
    if place.path is None:
        raise InvalidInputError(
            f"the {scope.value} configuration of {agent.value} cannot be written from here",
            hint=Hint("{} and paste what `{}` prints", place.hint, torc("mcp config", "--agent", agent.value)),
        )
    done = write_entry(place.path, place.servers_key, entry)
    text = f"{done.path} holds the server {SERVER_NAME} already."
    if done.changes:
        before = f" (before: {done.backup})" if done.backup else ""
        text = f"Wrote the server {SERVER_NAME} to {done.path}{before}: {', '.join(done.changes)}."
    if done.kept:
        text += f"\nKept of what it had: {' '.join(done.kept)}"
    data = {"path": str(done.path), "changed": bool(done.changes), "changes": done.changes, "kept": done.kept}
    session.out.done(text, {**data, "backup": str(done.backup) if done.backup else None})
    if session.settings.password:
        session.out.note("The password is not written: set TORC_PASSWORD where the assistant is started.")


def _arguments(*, read_only: bool, proposals_only: bool, max_memory: str | None, max_runtime: str | None) -> list[str]:
    """Return the server's own options. Raises InvalidInputError for what is no amount."""
    from torc_core.resources.duration import parse_duration
    from torc_core.resources.memory import parse_memory

    words = ["--read-only"] if read_only else []
    words += ["--proposals-only"] if proposals_only else []
    if max_memory is not None:
        parse_memory(max_memory)
        words += ["--max-memory", max_memory]
    if max_runtime is not None:
        parse_duration(max_runtime)
        words += ["--max-runtime", max_runtime]
    return words
