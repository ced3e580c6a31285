"""Writes the entry of the Torc MCP server into an assistant's configuration file."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, assert_never

from torc_core.errors import InvalidInputError

SERVER_NAME: Final = "torc"
_PROGRAM: Final = "torc-mcp-server"

Assistant = Literal["claude", "copilot", "vscode"]
Scope = Literal["project", "user"]


@dataclass(frozen=True, kw_only=True)
class ConfigPlace:
    """Where the entry belongs: `path` is None where the assistant has a command instead, which `hint` names."""

    path: Path | None
    servers_key: str
    hint: str = ""


def config_place(assistant: Assistant, scope: Scope, *, folder: Path, environment: Mapping[str, str]) -> ConfigPlace:
    """Return the file that the assistant reads, in this folder or in the user's home."""
    match scope:
        case "project":
            return _in_project(assistant, folder)
        case "user":
            return _of_user(assistant, environment)
        case unreachable:
            assert_never(unreachable)


def server_entry(
    assistant: Assistant, scope: Scope, *, url: str, arguments: Sequence[str] = (), environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the entry by which the assistant starts the server.

    A project's file is shared with others: it names the program without its folder.

    It never holds a password: the server reads TORC_PASSWORD from the environment that the assistant runs in.
    """
    entry: dict[str, Any] = {
        "command": _PROGRAM if scope == "project" else _program_here(environment),
        "args": list(arguments),
        "env": {"TORC_API_URL": url},
    }
    if assistant == "copilot" and scope == "user":
        return {"type": "local", **entry, "tools": ["*"]}
    return {"type": "stdio", **entry}


@dataclass(frozen=True, kw_only=True)
class Written:
    """`changes` says what is new, and is empty when all was there; `kept` the arguments and variables of the user's.

    `backup` is the file as it was before, None where there was none.
    """

    path: Path
    changes: Sequence[str]
    kept: Sequence[str] = ()
    backup: Path | None = None


def write_entry(path: Path, servers_key: str, entry: Mapping[str, Any]) -> Written:
    """Write the entry beside the other servers of the file. A symbolic link and permissions are kept.

    Of an entry that is there, arguments, variables and other keys stay; the address, the program and what the new
    arguments say are renewed.

    Raises InvalidInputError, with nothing changed, when the file holds no JSON object or cannot be written.
    """
    target = path.resolve()
    try:
        before = target.read_text(encoding="utf-8") if target.exists() else None
        merged = merge_entry(before, servers_key, entry, place=str(path))
        if not merged.changes:
            return Written(path=path, changes=(), kept=merged.kept)
        target.parent.mkdir(parents=True, exist_ok=True)
        backup = None
        if before is not None:
            backup = _free_name(target)
            shutil.copy2(target, backup)
        _replace(target, merged.text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInputError(f"{path} cannot be changed: {reason}") from error
    return Written(path=path, changes=merged.changes, kept=merged.kept, backup=backup)


@dataclass(frozen=True, kw_only=True)
class Merged:
    """A configuration with the entry in it: what changed, and what of the user's stayed."""

    text: str
    changes: Sequence[str]
    kept: Sequence[str]


def merge_entry(before: str | None, servers_key: str, entry: Mapping[str, Any], *, place: str) -> Merged:
    """Return the text with the entry in it. Raises InvalidInputError naming line or key."""
    document: Any = {}
    if before is not None and before.strip():
        try:
            document = json.loads(before)
        except ValueError as error:
            where = (
                f"{place}:{error.lineno}:{error.colno}: {error.msg}"
                if isinstance(error, json.JSONDecodeError)
                else f"{place}: {error}"
            )
            raise InvalidInputError(
                where, hint="correct the file, or add the entry by hand; comments are not JSON"
            ) from error
    if not isinstance(document, dict):
        raise InvalidInputError(f"{place}: it holds {_kind(document)}, not an object")
    servers = document.get(servers_key, {})
    if not isinstance(servers, dict):
        raise InvalidInputError(f"{place}: {servers_key}: it is {_kind(servers)}, not an object")
    old = servers.get(SERVER_NAME, {})
    if not isinstance(old, dict):
        raise InvalidInputError(f"{place}: {servers_key}.{SERVER_NAME}: it is {_kind(old)}, not an object")
    old_args, old_env = old.get("args", []), old.get("env", {})
    if not isinstance(old_args, list) or not all(isinstance(word, str) for word in old_args):
        raise InvalidInputError(f"{place}: {servers_key}.{SERVER_NAME}.args: it is no list of texts")
    if not isinstance(old_env, dict):
        raise InvalidInputError(f"{place}: {servers_key}.{SERVER_NAME}.env: it is {_kind(old_env)}, not an object")
    kept_args = _without_options(old_args, entry["args"])
    merged = {**old, **entry, "args": [*kept_args, *entry["args"]], "env": {**old_env, **entry["env"]}}
    if sorted(merged["args"]) == sorted(old_args):
        merged["args"] = old_args
    if "tools" in old:
        merged["tools"] = old["tools"]
    document[servers_key] = {**servers, SERVER_NAME: merged}
    return Merged(
        text=json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        changes=[key for key, value in merged.items() if key not in old or old[key] != value],
        kept=[*kept_args, *sorted(old_env.keys() - entry["env"].keys())],
    )


def _without_options(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Return the old arguments without options that the new ones replace, and without their values."""
    replaced = {word for word in new if word.startswith("--")}
    kept: list[str] = []
    skips_value = False
    for word in old:
        name, _, value = word.partition("=")
        if name in replaced:
            skips_value = not value
        elif word.startswith("-") or not skips_value:
            kept.append(word)
            skips_value = False
        else:
            skips_value = False
    return kept


def _in_project(assistant: Assistant, folder: Path) -> ConfigPlace:
    match assistant:
        case "claude" | "copilot":
            return ConfigPlace(path=folder / ".mcp.json", servers_key="mcpServers")
        case "vscode":
            return ConfigPlace(path=folder / ".vscode" / "mcp.json", servers_key="servers")
        case unreachable:
            assert_never(unreachable)


def _of_user(assistant: Assistant, environment: Mapping[str, str]) -> ConfigPlace:
    home = Path(environment.get("HOME") or "/")
    match assistant:
        case "claude":
            return ConfigPlace(path=home / ".claude.json", servers_key="mcpServers")
        case "copilot":
            own = Path(environment.get("COPILOT_HOME") or home / ".copilot")
            return ConfigPlace(path=own / "mcp-config.json", servers_key="mcpServers")
        case "vscode":
            hint = "in VS Code run the command `MCP: Open User Configuration`"
            return ConfigPlace(path=None, servers_key="servers", hint=hint)
        case unreachable:
            assert_never(unreachable)


def _program_here(environment: Mapping[str, str]) -> str:
    beside = Path(sys.executable).parent / _PROGRAM
    if beside.is_file():
        return str(beside)
    return shutil.which(_PROGRAM, path=environment.get("PATH", os.defpath)) or _PROGRAM


def _free_name(path: Path) -> Path:
    """Return a name for the backup that no earlier one has."""
    candidates = (path.with_name(f"{path.name}.backup{number or ''}") for number in range(10_000))
    return next(candidate for candidate in candidates if not candidate.exists())


def _replace(target: Path, text: str) -> None:
    """Replace the file by renaming, so that a reader sees the old content or the new one."""
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", type(None): "null"}.get(type(value), "a plain value")
