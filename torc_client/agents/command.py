"""Finds the program of an agent, and asks it for its version."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torc_client.agents.output import AgentOutput
from torc_client.agents.process import ProcessEnd, run_to_end
from torc_core.agents.description import AgentSpec, choose_environment

_BASE_ENVIRONMENT: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TERM", "XDG_*",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
"""Variables that agents may see of the user's environment: enough to find programs, its own login and the network."""


@dataclass(frozen=True, kw_only=True)
class FoundCommand:
    """How an agent can be started here, or why it cannot."""

    argv: tuple[str, ...] = ()
    version: str = ""
    problem: str | None = None


def agent_environment(spec: AgentSpec, present: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are passed on to the agent."""
    return choose_environment(present, spec.environment, _BASE_ENVIRONMENT)


def find_command(spec: AgentSpec, environment: Mapping[str, str]) -> FoundCommand:
    """Return the first of the agent's commands that is on PATH and prints its version."""
    path = environment.get("PATH", os.defpath)
    problem = None
    for command in spec.commands:
        program = shutil.which(command[0], path=path)
        if program is None:
            continue
        argv = (program, *command[1:])
        found = _ask_version(spec, argv, environment)
        if found.problem is None:
            return found
        problem = problem or found.problem
    names = " or ".join(" ".join(command).removesuffix(" --") for command in spec.commands)
    return FoundCommand(problem=problem or f"{spec.title} is not installed: there is no {names} on PATH")


def describe_end(ended: ProcessEnd) -> str:
    return f"exit code {ended.code}" if ended.code >= 0 else f"signal {-ended.code}"


def _ask_version(spec: AgentSpec, argv: tuple[str, ...], environment: Mapping[str, str]) -> FoundCommand:
    lines: list[str] = []
    limits = spec.limits
    name = " ".join(argv)
    with tempfile.TemporaryDirectory(prefix="torc-agent-", ignore_cleanup_errors=True) as folder:
        try:
            ended = run_to_end(
                [*argv, *spec.version_arguments],
                folder=Path(folder),
                environment=agent_environment(spec, environment),
                timeout_s=limits.version_timeout_s,
                grace_s=limits.grace_s,
                output=AgentOutput(lines.append, max_lines=1, line_chars=limits.line_chars),
            )
        except OSError as error:
            return FoundCommand(problem=f"{name} cannot be started: {error.strerror}")
    if ended.timed_out:
        return FoundCommand(problem=f"{name} did not tell its version within {limits.version_timeout_s:g} seconds")
    if ended.code:
        return FoundCommand(problem=f"{name} {' '.join(spec.version_arguments)} ended with {describe_end(ended)}")
    return FoundCommand(argv=argv, version=lines[0] if lines else "")
