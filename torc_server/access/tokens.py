"""The server's own token: a random word in files that only its user can read."""

import logging
import os
import secrets
import socket
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from torc_core.credentials import LOOPBACK_NAMES, new_token, token_beside, token_file
from torc_core.errors import InvalidInputError
from torc_server.access.network import is_wildcard

_PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700

log = logging.getLogger(__name__)


def load_token(database: Path) -> str:
    """Return the token beside the database; a new one is made where there is none.

    A file that others could read is replaced: its token may be known. Raises InvalidInputError when the file is
    another user's, is no plain file, or cannot be written.
    """
    path = token_beside(database)
    try:
        found = _read_private(path)
        if found:
            return found
        token = new_token()
        _write_private(path, token)
    except OSError as error:
        raise InvalidInputError(
            f"the server's token cannot be kept in {path}: {error.strerror or error}",
            hint="remove that file, or use a folder that you may write to",
        ) from error
    return token


def addresses(host: str, port: int, *, names: Sequence[str], environment: Mapping[str, str]) -> list[Path]:
    """Return the user's token files for every address by which clients may name a server bound to `host`."""
    machine = socket.gethostname()
    hosts = ["localhost", machine, *names] if is_wildcard(host) else [host, *names]
    if host in LOOPBACK_NAMES:
        hosts = ["localhost", *names]
    found = (token_file(environment, name, port, machine=machine) for name in hosts)
    return list(dict.fromkeys(found))


def publish(token: str, paths: Sequence[Path]) -> None:
    """Write the user's copies. One that cannot be written is logged: the file beside the database is enough."""
    for path in paths:
        try:
            path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            path.parent.chmod(_PRIVATE_FOLDER)
            _write_private(path, token)
        except OSError as error:
            log.warning("the token could not be copied to %s: %s", path, error.strerror)


def withdraw(token: str, paths: Sequence[Path]) -> None:
    """Remove the user's copies; one that another server has written since stays."""
    for path in paths:
        try:
            if _read_private(path) == token:
                path.unlink()
        except OSError as error:
            log.debug("the token at %s stays: %s", path, error.strerror)


def _read_private(path: Path) -> str | None:
    """Return the token of the file; None when there is none, or when others could have read it."""
    try:
        # never through a link: who owns the folder above could point it at a file of their own
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor) as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
            raise PermissionError(0, "it is not a plain file of yours")
        if stat.S_IMODE(facts.st_mode) & 0o077:
            log.warning("others could read %s: a new token replaces the one in it", path)
            return None
        return file.read().strip() or None


def _write_private(path: Path, token: str) -> None:
    """Write the token in one step: readers see the old token or the new one, never a file that others can read."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{token}\n")
        # only a whole file gets the name: a client that reads meanwhile would take half a token for the token
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
