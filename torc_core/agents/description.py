"""The description of an AI agent: how it is started, as a data file that is checked when it is read."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PLACEHOLDERS: Final = frozenset({"prompt", "mcp_config_file", "workflow_id"})
"""Placeholders that `arguments` may hold in braces."""

PROMPT_PLACEHOLDERS: Final = frozenset({"workflow_id", "waiting_jobs", "dry_run", "reach"})
"""Placeholders that a prompt may hold in braces."""

NEVER_PASSED: Final = frozenset({"TORC_API_TOKEN", "TORC_PASSWORD", "TORC_MCP_TOKEN"})
"""Variables that no pattern of an agent's file passes on."""

_NEEDED: Final = ("prompt", "mcp_config_file")
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?")

Words = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentEnvironment(_Part):
    """The agent sees these variables and a few that every program needs, nothing else of the user's environment."""

    set: Mapping[str, str] = {}
    pass_through: tuple[str, ...] = ()
    """Names of variables; one that ends with `*` is a prefix."""

    @field_validator("pass_through")
    @classmethod
    def _check_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a variable")
            if name in NEVER_PASSED:
                raise ValueError("Torc's own credentials are given to the MCP server alone")
        return names


class McpConfigShape(_Part):
    """The file that names the MCP server: `{servers_key: {"torc": {command, args, env, …server}}}`."""

    servers_key: str = "mcpServers"
    server: Mapping[str, str | list[str]] = {"type": "stdio"}


class AgentLimits(_Part):
    """Bounds of one call; the user's `--ai-timeout` stands above `timeout_s`."""

    timeout_s: float = Field(default=600.0, gt=0)
    grace_s: float = Field(default=5.0, ge=0)
    """Seconds between asking the agent to end and killing it."""
    version_timeout_s: float = Field(default=20.0, gt=0)
    output_lines: int = Field(default=200, ge=0)
    line_chars: int = Field(default=500, ge=40)


class AgentSpec(_Part):
    """`commands` are tried in order; the first whose program is on PATH is asked for its version and used."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    title: str = Field(min_length=1, max_length=100)
    commands: Annotated[tuple[Words, ...], Field(min_length=1)]
    version_arguments: Words = ("--version",)
    install_hint: str = Field(min_length=1)
    arguments: tuple[str, ...]
    prompt: str = "prompt.md"
    """Name of a file in the same folder."""
    environment: AgentEnvironment = AgentEnvironment()
    mcp_config: McpConfigShape = McpConfigShape()
    limits: AgentLimits = AgentLimits()
    output_prefix: str = Field(default="", max_length=40)

    @field_validator("arguments")
    @classmethod
    def _check_placeholders(cls, arguments: tuple[str, ...]) -> tuple[str, ...]:
        used = {name for argument in arguments for name in _PLACEHOLDER.findall(argument)}
        check_placeholders(used, PLACEHOLDERS)
        missing = [name for name in _NEEDED if name not in used]
        if missing:
            raise ValueError(f"{{{missing[0]}}} is used nowhere")
        return arguments

    @field_validator("prompt")
    @classmethod
    def _check_prompt(cls, name: str) -> str:
        if "/" in name or name.startswith("."):
            raise ValueError(f"{name!r} is not the name of a file beside this one")
        return name

    @model_validator(mode="after")
    def _check_version_command(self) -> Self:
        for argument in (*self.version_arguments, *(word for command in self.commands for word in command)):
            if _PLACEHOLDER.search(argument):
                raise ValueError(f"{argument!r}: only arguments may name something in braces")
        return self

    @property
    def prefix(self) -> str:
        return self.output_prefix or self.name


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the template with each `{name}` replaced once. Braces inside values are not replaced again."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def check_placeholders(used: set[str], known: frozenset[str]) -> None:
    """Check the names in a template. Raises ValueError that names the first unknown placeholder."""
    unknown = sorted(used - known)
    if unknown:
        names = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise ValueError(f"{{{unknown[0]}}} is unknown; there are {names}")


def check_prompt(text: str) -> str:
    """Return the text. Raises ValueError for an unknown placeholder, or when the workflow's id is missing."""
    used = set(_PLACEHOLDER.findall(text))
    check_placeholders(used, PROMPT_PLACEHOLDERS)
    if "workflow_id" not in used:
        raise ValueError("{workflow_id} is used nowhere")
    return text


def choose_environment(present: Mapping[str, str], wanted: AgentEnvironment, base: tuple[str, ...]) -> dict[str, str]:
    """Return the variables that are passed on, and those that the file sets."""
    patterns = (*base, *wanted.pass_through)
    exact = {name for name in patterns if not name.endswith("*")}
    beginnings = tuple(name[:-1] for name in patterns if name.endswith("*"))
    chosen = (name for name in present if name in exact or name.startswith(beginnings))
    passed = {name: present[name] for name in chosen if name not in NEVER_PASSED}
    return {**passed, **wanted.set}
