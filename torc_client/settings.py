"""Where the server is and how to talk to it: flag, then environment, then config file, then default."""

import getpass
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torc_core import API_PREFIX
from torc_core.errors import InvalidInputError

DEFAULT_URL: Final = f"http://localhost:8080{API_PREFIX}"
DEFAULT_OUTPUT_DIR: Final = "output"
DEFAULT_DATABASE: Final = Path(DEFAULT_OUTPUT_DIR) / "torc.db"
_TEXTS: Final = ("api_url", "format", "output_dir", "database", "log_level")
_MEND: Final = "mend or remove this config file"
_FORMATS: Final = ("table", "json")
_LOG_LEVELS: Final = ("error", "warning", "info", "debug")


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """Decided once per command."""

    url: str = DEFAULT_URL
    user: str = "anonymous"
    password: str | None = None
    format: str = "table"
    output_dir: str = DEFAULT_OUTPUT_DIR
    database: Path = DEFAULT_DATABASE
    """Of the embedded server that `torc -s` starts."""
    log_level: str = "warning"


def load_settings(
    *,
    url: str | None = None,
    password: str | None = None,
    format_: str | None = None,
    output_dir: str | None = None,
    database: Path | None = None,
    log_level: str | None = None,
    environment: Mapping[str, str] | None = None,
    config_files: tuple[Path, ...] | None = None,
) -> ClientSettings:
    """Settings for one command. Raises InvalidInputError naming what cannot be read or is no choice."""
    env = os.environ if environment is None else environment
    config = _read_config(default_config_files(env) if config_files is None else config_files)
    chosen_url = url or env.get("TORC_API_URL") or config.get("api_url") or DEFAULT_URL
    return ClientSettings(
        url=complete_url(str(chosen_url)),
        user=env.get("TORC_USERNAME") or env.get("USER") or env.get("USERNAME") or _login_name(),
        password=password or env.get("TORC_PASSWORD"),
        format=_one_of(_FORMATS, "format", format_ or env.get("TORC_FORMAT") or config.get("format", "table")),
        output_dir=output_dir or env.get("TORC_OUTPUT_DIR") or str(config.get("output_dir", DEFAULT_OUTPUT_DIR)),
        database=Path(database or env.get("TORC_DATABASE") or config.get("database", DEFAULT_DATABASE)),
        log_level=_one_of(
            _LOG_LEVELS, "log level", log_level or env.get("TORC_LOG_LEVEL") or config.get("log_level", "warning")
        ),
    )


def _one_of(choices: tuple[str, ...], what: str, value: object) -> str:
    if value in choices:
        return str(value)
    raise InvalidInputError(f"{value!r} is no {what}", hint=f"use one of {', '.join(choices)}")


def complete_url(url: str) -> str:
    """The service's base URL; the path is added where only host and port were given."""
    if "://" not in url:
        url = f"http://{url}"
    url = url.rstrip("/")
    return url if url.endswith(API_PREFIX) else url + API_PREFIX


def default_config_files(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Lowest to highest: the site's, the user's, the folder's."""
    home = Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "/")) / ".config")
    return (Path("/etc/torc/config.toml"), home / "torc" / "config.toml", Path("torc.toml"))


def _read_config(files: tuple[Path, ...]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for file in files:
        try:
            section: Any = tomllib.loads(file.read_text()).get("client", {})
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInputError(f"{file}: {error}", hint=_MEND) from error
        if not isinstance(section, dict):
            raise InvalidInputError(f"{file}: `client` is no table", hint="begin the settings with the line `[client]`")
        for key in _TEXTS:
            if not isinstance(section.get(key, ""), str):
                raise InvalidInputError(f"{file}: client.{key} is no text: {section[key]!r}", hint=_MEND)
        merged.update(section)
    return merged


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "anonymous"
