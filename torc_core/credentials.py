"""Where the token of a server is kept: beside its database, and in its user's state folder by address."""

import base64
import os
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

TOKEN_PREFIX: Final = "torc_"  # noqa: S105
"""Every token begins with it: redaction knows tokens by it."""
TOKEN_VARIABLE: Final = "TORC_API_TOKEN"  # noqa: S105
PASSWORD_VARIABLE: Final = "TORC_PASSWORD"  # noqa: S105
USER_VARIABLE: Final = "TORC_USERNAME"
SERVER_USER_VARIABLE: Final = "TORC_SERVER_USER"
"""Names the user of this machine to whose server on loopback the credentials above may go."""
CREDENTIALS_FILE_VARIABLE: Final = "TORC_CREDENTIALS_FILE"
"""Names a file of the user's own with one `NAME=value` line for each of the variables above."""
SECRET_VARIABLES: Final = (TOKEN_VARIABLE, PASSWORD_VARIABLE)
"""Variables that no batch job gets from the environment of who submits it: schedulers store and show environments."""
JobToken = Literal["run", "none", "full"]
"""The token that jobs get: one of their run, none, or that of whoever started the runner."""
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_TOKEN_BYTES: Final = 32
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]")


def new_token() -> str:
    """Return a random token of the shape that redaction knows, wherever a job prints it."""
    while True:
        word = base64.urlsafe_b64encode(os.urandom(_TOKEN_BYTES)).rstrip(b"=").decode()
        # redaction asks for a digit: without, names of functions that begin with the prefix would be hidden too
        if any(character.isdigit() for character in word):
            return TOKEN_PREFIX + word


def token_beside(database: Path) -> Path:
    """Return the token file of the server of a database."""
    return database.with_name(f"{database.name}.token")


def token_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the user's token files, by the XDG rules for state."""
    state = environment.get("XDG_STATE_HOME") or Path(environment.get("HOME", "/")) / ".local" / "state"
    return Path(state) / "torc" / "tokens"


def credentials_file(environment: Mapping[str, str], url: str) -> Path:
    """Return the file of the credentials that batch jobs of the user show the server at an address."""
    name = sha256(url.encode()).hexdigest()[:16]
    return token_folder(environment).with_name("credentials") / name


def review_file(environment: Mapping[str, str], url: str, workflow_id: int) -> Path:
    """Return the file that keeps what a person has chosen in a review that is not applied yet."""
    name = sha256(url.encode()).hexdigest()[:16]
    return token_folder(environment).with_name("reviews") / f"{name}_wf{workflow_id}.json"


def token_file(environment: Mapping[str, str], host: str, port: int, *, machine: str) -> Path:
    """Return the user's copy of the token of the server at an address.

    Loopback is named after the machine: homes are shared by the machines of a cluster, and each has its own.
    """
    place = f"{machine}.loopback" if is_loopback(host) else host.lower()
    return token_folder(environment) / f"{_UNSAFE.sub('_', place)}_{port}"


def is_loopback(host: str) -> bool:
    """Return whether a host, without a port, names this machine alone."""
    name = host.strip("[]").lower()
    return name in LOOPBACK_NAMES or bool(re.fullmatch(r"127\.\d{1,3}\.\d{1,3}\.\d{1,3}", name))
