"""The credentials by which a client proves who it is: a token, or a name and a password."""

import base64
import os
import pwd
import socket
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from torc_core.credentials import (
    CREDENTIALS_FILE_VARIABLE,
    PASSWORD_VARIABLE,
    SERVER_USER_VARIABLE,
    TOKEN_VARIABLE,
    USER_VARIABLE,
    credentials_file,
    is_loopback,
    token_beside,
    token_file,
)
from torc_core.errors import InvalidInputError

_LISTENING: Final = "0A"
_ANY_ADDRESS_OR_LOOPBACK: Final = frozenset(
    {"00000000", "0100007F", "0" * 32, "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
)
"""Local addresses in the kernel's tables of sockets that a client of loopback may reach."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """`token` is used where there is one, else `user` with `password`."""

    token: str | None = None
    user: str = ""
    password: str | None = None

    def header(self) -> str | None:
        """Return the Authorization header; None without credentials."""
        if self.token:
            return f"Bearer {self.token}"
        if self.password:
            return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return None

    def environment(self) -> dict[str, str]:
        """Return the variables by which programs that are started here prove the same."""
        if self.token:
            return {TOKEN_VARIABLE: self.token}
        if self.password:
            return {USER_VARIABLE: self.user, PASSWORD_VARIABLE: self.password}
        return {}


def keep_credentials(credentials: Credentials, url: str, environment: Mapping[str, str]) -> Path:
    """Write the credentials to a file that only this user can read, for batch jobs; return its path."""
    path = credentials_file(environment, url).absolute()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = "".join(f"{name}={value}\n" for name, value in credentials.environment().items())
    # never another mode, and never half a file: runners read it at any moment
    import tempfile

    descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(new).replace(path)
    return path


def read_credentials(path: Path) -> Mapping[str, str]:
    """Return the variables of a file of credentials. Raises InvalidInputError where only this user cannot read it."""
    text = _read_own(path)
    if text is None:
        raise InvalidInputError(
            f"{path} holds no credentials that only you can read",
            hint=f"it is named by {CREDENTIALS_FILE_VARIABLE}; is it here, yours, and of mode 600?",
        )
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, _, value in pairs}


def find_token(url: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Return the token that the user's own server at this address left in the state folder.

    None also when another user listens on that port of this machine: the server is gone and somebody took its place.
    """
    address = urlsplit(url)
    host, port = address.hostname or "", _port(address.scheme, url)
    if not host or not port:
        return None
    env = os.environ if environment is None else environment
    token = _read_own(token_file(env, host, port, machine=socket.gethostname()))
    if token is None or foreign_user(url) is not None:
        return None
    return token


def foreign_user(url: str, *, client_port: int | None = None, expected: int | None = None) -> int | None:
    """Return the user, by number, who listens at this address of this machine and is neither this one nor root.

    None also for other machines, where /proc does not show it, and for the user that is `expected` there.
    `client_port` is ours of a connection to it, whose other end must not be another user's either: a server that
    closes its listening socket as soon as it has the connection would not be seen otherwise.
    """
    address = urlsplit(url)
    port = _port(address.scheme, url)
    if port is None or not is_loopback(address.hostname or ""):
        return None
    return _foreign_user(port, client_port, {os.geteuid(), 0, expected})


def user_number(name: str) -> int:
    """Return the number of a user of this machine, by name or number. Raises InvalidInputError for an unknown one."""
    if name.isdecimal():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise InvalidInputError(
            f"this machine has no user {name!r}",
            hint=f"{SERVER_USER_VARIABLE} and `server_user` name the user whose server you mean",
        ) from error


def user_name(number: int) -> str:
    """Return the name of a user of this machine, the number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def token_of_database(database: Path) -> str | None:
    """Return the token of the server of a database file of this user."""
    return _read_own(token_beside(database.absolute()))


def _port(scheme: str, url: str) -> int | None:
    try:
        return urlsplit(url).port or (443 if scheme == "https" else 80)
    except ValueError:
        return None


def _read_own(path: Path) -> str | None:
    """Return the token of a file that only this user can read, None for other files."""
    with suppress(OSError, UnicodeDecodeError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor) as file:
            facts = os.fstat(file.fileno())
            if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o077:
                return file.read().strip() or None
    return None


def _foreign_user(port: int, client_port: int | None, known: Collection[int | None]) -> int | None:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError, ValueError, IndexError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                local, _, local_port = fields[1].partition(":")
                is_other_end = client_port is not None and int(fields[2].rpartition(":")[2], 16) == client_port
                if int(local_port, 16) != port or not (fields[3] == _LISTENING or is_other_end):
                    continue
                if local in _ANY_ADDRESS_OR_LOOPBACK and int(fields[7]) not in known:
                    return int(fields[7])
    return None
