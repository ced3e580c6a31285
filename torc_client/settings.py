"""Settings of the client: flag, then environment, then config file, then default."""

import getpass
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from torc_client.credentials import Credentials, read_credentials
from torc_core import API_PREFIX
from torc_core.credentials import (
    CREDENTIALS_FILE_VARIABLE,
    PASSWORD_VARIABLE,
    SECRET_VARIABLES,
    SERVER_USER_VARIABLE,
    TOKEN_VARIABLE,
    JobToken,
)
from torc_core.errors import InvalidInputError
from torc_core.spec.problems import did_you_mean

DEFAULT_URL: Final = f"http://localhost:8080{API_PREFIX}"
DEFAULT_OUTPUT_DIR: Final = "output"
DEFAULT_DATABASE: Final = Path(DEFAULT_OUTPUT_DIR) / "torc.db"
_TABLE: Final = "client"
_OTHER_TABLES: Final = ("server", "dash")
"""Tables that other programs read from the same file."""
_KEYS: Final = (
    "api_token",
    "api_url",
    "database",
    "format",
    "job_token",
    "log_level",
    "output_dir",
    "server_user",
    "strict_scheduler_match",
    "tls_ca_cert",
)
_CORRECT: Final = "correct or remove this config file"
_TRUTH: Final = ("true", "false")
_FORMATS: Final = ("table", "json", "csv")
_LOG_LEVELS: Final = ("error", "warning", "info", "debug")


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """Decided once per command."""

    url: str = DEFAULT_URL
    user: str = "anonymous"
    password: str | None = None
    token: str | None = None
    server_user: str | None = None
    """The user of this machine whose server on loopback gets the credentials that the user gave."""
    withheld: str = ""
    """What was not taken from the environment, and why; one sentence for the user."""
    tls_ca_cert: Path | None = None
    format: str = "table"
    output_dir: str = DEFAULT_OUTPUT_DIR
    database: Path = DEFAULT_DATABASE
    """Of the embedded server that `torc -s` starts."""
    log_level: str = "warning"
    job_token: JobToken | None = None
    """The token that jobs get; None leaves it to the workflow."""
    strict_scheduler_match: bool = False
    """Whether runners leave jobs of another scheduler alone, also when there are no others."""

    @property
    def credentials(self) -> Credentials | None:
        """Return the credentials that the user gave; None leaves it to the token file of their own server."""
        if self.token or self.password:
            return Credentials(token=self.token, user=self.user, password=self.password)
        return None


def load_settings(
    *,
    url: str | None = None,
    password: str | None = None,
    format_: str | None = None,
    output_dir: str | None = None,
    database: Path | None = None,
    log_level: str | None = None,
    tls_ca_cert: Path | None = None,
    environment: Mapping[str, str] | None = None,
    config_files: tuple[Path, ...] | None = None,
) -> ClientSettings:
    """Return the settings of one command. Raises InvalidInputError for a config file or value that is wrong."""
    env = _with_credentials(os.environ if environment is None else environment)
    config = _read_config(default_config_files(env) if config_files is None else config_files)
    ca_cert = tls_ca_cert or env.get("TORC_TLS_CA_CERT") or config.get("tls_ca_cert")
    chosen_url = url or env.get("TORC_API_URL") or config.get("api_url") or DEFAULT_URL
    env, withheld = _for_this_server(env, chosen_url)
    return ClientSettings(
        url=complete_url(chosen_url),
        server_user=env.get(SERVER_USER_VARIABLE) or config.get("server_user"),
        withheld=withheld,
        user=env.get("TORC_USERNAME") or env.get("USER") or env.get("USERNAME") or _login_name(),
        password=password or env.get(PASSWORD_VARIABLE),
        # a password on the command line is meant for this command: no token of the environment replaces it
        token=None if password else env.get(TOKEN_VARIABLE) or _config_token(config, env),
        tls_ca_cert=Path(ca_cert) if ca_cert else None,
        format=_one_of(_FORMATS, "format", format_ or env.get("TORC_FORMAT") or config.get("format", "table")),
        output_dir=output_dir or env.get("TORC_OUTPUT_DIR") or config.get("output_dir", DEFAULT_OUTPUT_DIR),
        database=Path(database or env.get("TORC_DATABASE") or config.get("database") or DEFAULT_DATABASE),
        log_level=_one_of(
            _LOG_LEVELS, "log level", log_level or env.get("TORC_LOG_LEVEL") or config.get("log_level", "warning")
        ),
        job_token=_job_token(env.get("TORC_JOB_TOKEN") or config.get("job_token")),
        strict_scheduler_match=_TRUTH[0]
        == _one_of(
            _TRUTH,
            "truth value",
            env.get("TORC_STRICT_SCHEDULER_MATCH") or config.get("strict_scheduler_match", "false"),
        ),
    )


def _with_credentials(env: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with the credentials of the file that it names, where it has none itself."""
    if env.get(TOKEN_VARIABLE) or env.get(PASSWORD_VARIABLE) or not env.get(CREDENTIALS_FILE_VARIABLE):
        return env
    return {**env, **read_credentials(Path(env[CREDENTIALS_FILE_VARIABLE]))}


def _for_this_server(env: Mapping[str, str], url: str) -> tuple[Mapping[str, str], str]:
    """Return the environment without credentials that are for another server, and a sentence where there were any.

    An address and credentials in one environment belong together: another address, typed for one command, names another
    server, which must not learn them.
    """
    named = env.get("TORC_API_URL")
    if not named or _place(named) == _place(url):
        return env, ""
    kept = {name: value for name, value in env.items() if name not in SECRET_VARIABLES}
    if len(kept) == len(env):
        return env, ""
    return kept, f"the login in the environment is for {named} (TORC_API_URL) and is not sent to {url}"


def _place(url: str) -> str:
    try:
        return urlsplit(complete_url(url)).netloc
    except ValueError:
        return url  # no address at all, of which the connection will tell


def _job_token(value: str | None) -> JobToken | None:
    """Return the choice. Raises InvalidInputError for a value that is none: it may say `none` and mean it."""
    choices: tuple[JobToken, ...] = get_args(JobToken)
    for choice in choices:
        if value == choice:
            return choice
    if value:
        raise InvalidInputError(f"{value!r} is no token for jobs", hint=f"use one of {', '.join(choices)}")
    return None


def _config_token(config: Mapping[str, Any], env: Mapping[str, str]) -> str | None:
    """Return the token of the config file; a password in the environment wins over it."""
    return None if env.get(PASSWORD_VARIABLE) else config.get("api_token")


def _one_of(choices: tuple[str, ...], what: str, value: object) -> str:
    if value in choices:
        return str(value)
    raise InvalidInputError(f"{value!r} is no {what}", hint=f"use one of {', '.join(choices)}")


def complete_url(url: str) -> str:
    """Return the base URL of the service; the path is added where only host and port were given."""
    if "://" not in url:
        url = f"http://{url}"
    url = url.rstrip("/")
    return url if url.endswith(API_PREFIX) else url + API_PREFIX


def default_config_files(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the config files of the site, the user and the folder; a later one wins."""
    return (Path("/etc/torc/config.toml"), config_home(env) / "torc" / "config.toml", Path("torc.toml"))


def config_home(env: Mapping[str, str]) -> Path:
    """Return the folder in which programs keep the settings of the user."""
    return Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "/")) / ".config")


def _read_config(files: tuple[Path, ...]) -> dict[str, str]:
    """Return the settings of all files that exist; a later file wins over an earlier one.

    Raises InvalidInputError, naming the file, for a text that is no TOML, an unknown key and a value that is no text.
    """
    merged: dict[str, str] = {}
    for file in files:
        try:
            document: dict[str, Any] = tomllib.loads(file.read_text())
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInputError(f"{file}: {error}", hint=_CORRECT) from error
        merged.update(_read_table(file, document))
    return merged


def _read_table(file: Path, document: Mapping[str, Any]) -> Mapping[str, str]:
    tables = (_TABLE, *_OTHER_TABLES)
    for name in document.keys() - set(tables):
        begin = f"begin the settings with the line `[{_TABLE}]`" if name in _KEYS else _CORRECT
        meant = "" if name in _KEYS else did_you_mean(name, [f"[{table}]" for table in tables])
        raise InvalidInputError(f"{file}: unknown key {name}{meant}", hint=begin)
    table = document.get(_TABLE, {})
    if not isinstance(table, dict):
        raise InvalidInputError(
            f"{file}: `{_TABLE}` is no table", hint=f"begin the settings with the line `[{_TABLE}]`"
        )
    for key, value in table.items():
        if key not in _KEYS:
            raise InvalidInputError(
                f"{file}: unknown key {_TABLE}.{key}{did_you_mean(key, _KEYS)}", hint=f"the keys are {', '.join(_KEYS)}"
            )
        if not isinstance(value, str):
            raise InvalidInputError(f"{file}: {_TABLE}.{key} is no text: {value!r}", hint=_CORRECT)
    return table


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "anonymous"
