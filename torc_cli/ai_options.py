"""The options of AI-assisted recovery, and what they are turned into."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.session import Session
from torc_core.errors import InvalidInputError

if TYPE_CHECKING:
    from torc_client.recovery.recover import AskAgent

_PANEL = "AI-assisted recovery"

AiRecoveryOption = Annotated[
    bool,
    typer.Option(
        "--ai-recovery", help="Let an agent decide about failures that no rule explains.", rich_help_panel=_PANEL
    ),
]
AiAgentOption = Annotated[
    str,
    typer.Option(
        "--ai-agent",
        metavar="NAME",
        help="claude, copilot, rules (no model), or one of your own; see `torc agents list`.",
        rich_help_panel=_PANEL,
    ),
]
AiTimeoutOption = Annotated[
    float | None,
    typer.Option("--ai-timeout", min=0.001, help="Seconds the agent may take; 600.", rich_help_panel=_PANEL),
]
MaxAiRetriesOption = Annotated[
    int | None,
    typer.Option(
        "--max-ai-retries", min=0, help="How often agents may send one job back in a run; 3.", rich_help_panel=_PANEL
    ),
]
AiMinConfidenceOption = Annotated[
    float,
    typer.Option(
        "--ai-min-confidence",
        min=0,
        max=1,
        help="How sure the agent `rules` must be of what it decides.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, kw_only=True)
class AiChoices:
    """What the user said about agents."""

    is_wanted: bool
    agent: str
    timeout_s: float | None
    max_retries: int | None
    min_confidence: float
    max_memory: str | None
    max_runtime: str | None


def agent_for(
    session: Session, choices: AiChoices, say: Callable[[str], None], *, proposes_only: bool = False
) -> "AskAgent | None":
    """None where no agent is wanted. Raises InvalidInputError for an agent that nobody described."""
    if not choices.is_wanted:
        return None
    from torc_client.recovery.agents import AgentOptions, Agents
    from torc_core.api.failures import DecisionLimits
    from torc_core.errors import NotFoundError

    limits = DecisionLimits(
        max_ai_retries=choices.max_retries, max_memory=choices.max_memory, max_runtime=choices.max_runtime
    )
    options = AgentOptions(
        name=choices.agent,
        user=session.settings.user,
        timeout_s=choices.timeout_s,
        proposes_only=proposes_only,
        min_confidence=choices.min_confidence,
        limits=limits,
    )
    agents = Agents(options=options, settings=session.settings, environment=os.environ, say=say)
    try:
        agents.check()
    except NotFoundError as error:
        raise InvalidInputError(error.message, hint=error.hint) from error
    return agents.ask
