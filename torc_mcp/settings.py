"""Settings of the MCP server: what its tools may do, and for which workflows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final, Literal

from torc_client.settings import ClientSettings
from torc_core.api.failures import DecisionLimits
from torc_core.errors import InvalidInputError
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory

Toolset = Literal["core", "recovery", "authoring", "triage"]
TOOLSETS: Final[tuple[Toolset, ...]] = ("core", "recovery", "authoring", "triage")


PREVIEW_ABOVE: Final = 100


class Access(IntEnum):
    """What tools may change; each level includes the ones below."""

    READ = 0
    """Nothing is changed."""
    PROPOSE = 1
    """Proposals are stored for a person to approve; no job changes."""
    WRITE = 2
    """Jobs, requirements and workflows are changed."""


@dataclass(frozen=True, kw_only=True)
class McpSettings:
    """The settings of one process. `actor_name` replaces the name that the agent gives itself."""

    client: ClientSettings
    access: Access = Access.WRITE
    toolsets: frozenset[Toolset] = frozenset(TOOLSETS)
    workflows: frozenset[int] | None = None
    """None: all that the Torc server has."""
    limits: DecisionLimits = field(default_factory=DecisionLimits)
    preview_above: int | None = PREVIEW_ABOVE
    """A decision about more jobs than this must name the proposal that it applies; None: never."""
    asks_person: bool = True
    """Whether the person is asked before decisions are applied, where the client can ask."""
    output_schemas: bool = False
    """Whether the list of tools describes their answers, which makes it three times as long."""
    actor_name: str | None = None
    docs_dir: Path | None = None
    examples_dir: Path | None = None


def choose_access(*, read_only: bool, proposals_only: bool) -> Access:
    """Return the level of access; read-only wins over proposals-only."""
    if read_only:
        return Access.READ
    return Access.PROPOSE if proposals_only else Access.WRITE


def parse_preview_above(text: str | None) -> int | None:
    """Return the number of jobs, None for `never`. Raises InvalidInputError."""
    if text is None:
        return PREVIEW_ABOVE
    if text == "never":
        return None
    if not text.isascii() or not text.isdigit():
        raise InvalidInputError(f"{text!r} is no number of jobs", hint="use 0 or a larger whole number, or never")
    return int(text)


def parse_toolsets(text: str | None) -> frozenset[Toolset]:
    """Return the toolsets of `core,recovery`; None is all. Raises InvalidInputError for an unknown or empty list."""
    if text is None:
        return frozenset(TOOLSETS)
    words = {word.strip() for word in text.split(",")} - {""}
    if unknown := sorted(words - set(TOOLSETS)):
        raise InvalidInputError(f"{unknown[0]!r} is no toolset", hint=f"use some of {', '.join(TOOLSETS)}")
    if not words:
        raise InvalidInputError("no toolset is named", hint=f"use some of {', '.join(TOOLSETS)}")
    return frozenset(toolset for toolset in TOOLSETS if toolset in words)


def read_limits(
    env: Mapping[str, str],
    *,
    max_ai_retries: int | None = None,
    max_memory: str | None = None,
    max_runtime: str | None = None,
) -> DecisionLimits:
    """Return the limits of every decision through this server: flag, then environment. Raises InvalidInputError."""
    memory = max_memory or env.get("TORC_MAX_MEMORY") or None
    runtime = max_runtime or env.get("TORC_MAX_RUNTIME") or None
    if memory is not None:
        parse_memory(memory)
    if runtime is not None:
        parse_duration(runtime)
    return DecisionLimits(
        max_ai_retries=_retries(env) if max_ai_retries is None else max_ai_retries,
        max_memory=memory,
        max_runtime=runtime,
    )


def _retries(env: Mapping[str, str]) -> int | None:
    text = env.get("TORC_MAX_AI_RETRIES")
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise InvalidInputError(
            f"TORC_MAX_AI_RETRIES is {text!r}, not a number of retries", hint="use 0 or a larger whole number"
        )
    return int(text)
