"""The options of AI-assisted recovery, and the agent options made from them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.commands.options.recovery import RecoveryChoices
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.hints import Line
from torc_core.recovery.defaults import MIN_CONFIDENCE

if TYPE_CHECKING:
    from torc_client.recovery.recover import AskAgent

_PANEL = "AI-assisted recovery"
_DEFAULT_AGENT = "claude"


@dataclass(frozen=True, kw_only=True)
class AiChoices:
    """The options about agents; a command that takes one of these has its fields as options."""

    ai_recovery: Annotated[
        bool,
        typer.Option(
            "--ai-recovery", help="Let an agent decide about failures that no rule explains.", rich_help_panel=_PANEL
        ),
    ] = False
    ai_agent: Annotated[
        str | None,
        typer.Option(
            "--ai-agent",
            metavar="NAME",
            help="Ask claude (the default), copilot, rules (no model), or your own; see `torc agents list`.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    ai_timeout: Annotated[
        float | None,
        typer.Option(
            "--ai-timeout",
            min=0.001,
            help="Stop the agent after so many seconds; 600 when left out.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    max_ai_retries: Annotated[
        int | None,
        typer.Option(
            "--max-ai-retries",
            min=0,
            help="Let agents retry one job at most so often before a person decides; 3 when left out.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    ai_min_confidence: Annotated[
        float,
        typer.Option(
            "--ai-min-confidence",
            min=0,
            max=1,
            help="Let the agent `rules` decide only with at least this confidence.",
            rich_help_panel=_PANEL,
        ),
    ] = MIN_CONFIDENCE


def agent_for(
    session: Session,
    ai: AiChoices,
    recovery: RecoveryChoices,
    *,
    say: Callable[[Line], None],
    proposes_only: bool = False,
) -> "AskAgent | None":
    """Return what asks the agent; None where none is wanted. Raises InvalidInputError for an unknown agent."""
    if not ai.ai_recovery:
        if ai.ai_agent is not None:
            raise InvalidInputError(f"--ai-agent {ai.ai_agent} does nothing alone", hint="add --ai-recovery")
        return None
    from torc_client.agents.call import AgentCaller, AgentOptions
    from torc_core.api.failures import DecisionLimits
    from torc_core.errors import NotFoundError

    limits = DecisionLimits(
        max_ai_retries=ai.max_ai_retries, max_memory=recovery.max_memory, max_runtime=recovery.max_runtime
    )
    options = AgentOptions(
        name=ai.ai_agent or _DEFAULT_AGENT,
        user=session.settings.user,
        timeout_s=ai.ai_timeout,
        proposes_only=proposes_only,
        min_confidence=ai.ai_min_confidence,
        limits=limits,
    )
    agents = AgentCaller(options=options, settings=session.settings, environment=os.environ, say=say)
    try:
        agents.check()
    except NotFoundError as error:
        raise InvalidInputError(error.message, hint=error.hint) from error
    return agents.ask
