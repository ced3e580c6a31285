"""`torc agents`: which AI agents can decide about failures, and whether they can be started here."""

import os
from typing import Annotated

import typer
from pydantic import BaseModel

from torc_cli.render.base import Column, Table
from torc_cli.session.command import listing
from torc_cli.session.session import Session

app = typer.Typer(no_args_is_help=True, help="List and check the AI agents that can decide about failures.")


class AgentRow(BaseModel):
    """One agent. `state` and `version` are filled by `check` alone."""

    name: str
    title: str
    command: str = ""
    file: str = ""
    state: str | None = None
    version: str | None = None
    hint: str | None = None


_LISTED = (Column("Name", "name"), Column("Agent", "title"), Column("Command", "command"), Column("File", "file"))
AGENTS = Table("agents", _LISTED)
CHECKED = Table(
    "agents",
    (Column("Name", "name"), Column("State", "state"), Column("Version", "version"), Column("Next step", "hint")),
)


@app.command("list")
@listing
def list_(session: Session) -> None:
    """List the agents that --ai-agent knows, with the file that describes each.

    For example: `torc agents list`.
    """
    session.out.records(AGENTS, _rows(None))


@app.command("check")
@listing
def check(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Check this agent; all when left out.", show_default=False)
    ] = None,
) -> None:
    """Check whether agents can be started here, by asking each for its version.

    Exit code 1 when the agent named cannot be started, or when a file has a mistake.

    For example: `torc agents check claude`.
    """
    rows = [_checked(row) for row in _rows(name)]
    session.out.records(CHECKED, rows)
    if any(row.state == "broken" or (name is not None and row.state != "ready") for row in rows):
        raise typer.Exit(1)


def _rows(name: str | None) -> list[AgentRow]:
    """Return the agents. A file with a mistake is listed with it; asked for by name, it is an error."""
    from torc_client.agents.files import agent_names, find_agent, overlooked_file
    from torc_client.agents.result import RULES_AGENT
    from torc_core.errors import InvalidInputError

    own = [AgentRow(name=RULES_AGENT, title="Torc's own rules; no model, no network", state="ready")]
    if overlooked := overlooked_file():
        title = f"not usable: {overlooked}: the name {RULES_AGENT} is built in"
        own.append(AgentRow(name=RULES_AGENT, title=title, state="broken", hint="give the file another name"))
    if name == RULES_AGENT:
        return own
    rows = [] if name else own
    for each in [name] if name else agent_names():
        try:
            found = find_agent(each)
        except InvalidInputError as error:
            if name:
                raise
            title, hint = f"not usable: {error.message}", None if error.hint is None else str(error.hint)
            rows.append(AgentRow(name=each, title=title, state="broken", hint=hint))
            continue
        commands = " | ".join(" ".join(command) for command in found.spec.commands)
        rows.append(AgentRow(name=found.spec.name, title=found.spec.title, command=commands, file=str(found.path)))
    return rows


def _checked(row: AgentRow) -> AgentRow:
    from torc_client.agents.command import find_command
    from torc_client.agents.files import find_agent

    if row.state is not None:
        return row if row.state == "ready" else row.model_copy(update={"hint": row.title})
    spec = find_agent(row.name).spec
    found = find_command(spec, os.environ)
    if found.problem:
        return row.model_copy(update={"state": "missing", "hint": f"{found.problem}; {spec.install_hint}"})
    return row.model_copy(update={"state": "ready", "version": found.version})
