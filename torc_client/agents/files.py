"""Finds and reads the files that describe how agents are started: the user's own first, then Torc's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from torc_client.agents.result import RULES_AGENT
from torc_client.library import project_folder
from torc_core.agents.description import AgentSpec, check_prompt
from torc_core.errors import InvalidInputError, NotFoundError

_SUFFIX: Final = ".yaml"
_ALIASES: Final = {"github-copilot": "copilot", "claude-code": "claude"}


@dataclass(frozen=True)
class AgentFile:
    """One agent: what is to be done, and the file that says so."""

    spec: AgentSpec
    path: Path
    prompt: str


def builtin_folder() -> Path:
    """Return the folder of the files that come with Torc. Raises NotFoundError for an incomplete installation."""
    folder = project_folder("agents")
    if folder is None:
        raise NotFoundError("the agent files are not part of this installation", hint="install Torc from its wheel")
    return folder


def user_folder(environment: Mapping[str, str] | None = None) -> Path:
    env = os.environ if environment is None else environment
    home = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME") or "/") / ".config")
    return Path(home) / "torc" / "agents"


def agent_names(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of the agents that have a file, readable or not; `rules` needs none."""
    found = {path.stem for folder in _folders(environment) for path in folder.glob(f"*{_SUFFIX}")}
    return sorted(found - {RULES_AGENT})


def overlooked_file(environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the user's file for an agent `rules`, if there is one: it is not read, as the name is Torc's own."""
    path = user_folder(environment) / f"{RULES_AGENT}{_SUFFIX}"
    return path if path.is_file() else None


def find_agent(name: str, environment: Mapping[str, str] | None = None) -> AgentFile:
    """Return the agent of that name.

    Raises NotFoundError naming the known agents, InvalidInputError naming file and key of a mistake.
    """
    chosen = _ALIASES.get(name, name)
    known = agent_names(environment)
    if chosen in known:
        candidates = (folder / f"{chosen}{_SUFFIX}" for folder in _folders(environment))
        return read_agent_file(next(path for path in candidates if path.is_file()))
    names = ", ".join([*known, RULES_AGENT])
    raise NotFoundError(
        f"there is no agent {name!r}",
        hint=f"there are {names}; another one is described in {user_folder(environment)}/NAME{_SUFFIX}",
    )


def read_agent_file(path: Path) -> AgentFile:
    """Read and check one agent file. Raises InvalidInputError naming file, line or key."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise InvalidInputError(f"{path}: {_one_line(error)}", hint="correct or remove the file") from error
    if not isinstance(data, dict):
        raise InvalidInputError(f"{path} holds no keys", hint=f"begin with a copy of {builtin_folder()}/claude.yaml")
    try:
        spec = AgentSpec.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(f"{_place(found['loc'])}: {_reason(found['msg'])}" for found in error.errors())
        raise InvalidInputError(f"{path}: {problems}", hint="correct the keys named") from error
    if spec.name != path.stem:
        raise InvalidInputError(f"{path}: name: {spec.name!r} is not the name of the file")
    return AgentFile(spec, path, _read_prompt(path.parent, spec.prompt))


def _read_prompt(folder: Path, name: str) -> str:
    """Return the prompt beside the agent's file, else the one that comes with Torc."""
    path = next((place / name for place in (folder, builtin_folder()) if (place / name).is_file()), folder / name)
    try:
        return check_prompt(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"the prompt {path} cannot be read: {error}") from error
    except ValueError as error:
        raise InvalidInputError(f"{path}: {error}") from error


def _folders(environment: Mapping[str, str] | None) -> tuple[Path, Path]:
    return user_folder(environment), builtin_folder()


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "the file"


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
