"""The file of users and their passwords: `name:bcrypt hash` a line, as Apache's htpasswd and upstream write it."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import bcrypt

from torc_core.errors import InvalidInputError

COST: Final = 12
_HASH: Final = re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}")
_NAME: Final = re.compile(r"[^\s:#][^:\r\n]*")
_MOST_BYTES: Final = 72
"""bcrypt reads no more of a password."""


def read_users(path: Path) -> dict[str, str]:
    """Return name and hash of every user. Raises InvalidInputError naming the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInputError(
            f"the file of users {path} cannot be read: {reason}", hint="torc-htpasswd add --file FILE NAME makes one"
        ) from error
    users: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, _, digest = text.partition(":")
        if not _NAME.fullmatch(name) or not _HASH.fullmatch(digest):
            raise InvalidInputError(
                f"{path}:{number}: not a line `name:hash` with a bcrypt hash",
                hint="write it anew with `torc-htpasswd add --file FILE NAME`",
            )
        users[name] = digest
    return users


def write_users(path: Path, users: Mapping[str, str]) -> None:
    """Write the file in one step, readable by its user alone."""
    text = "".join(f"{name}:{digest}\n" for name, digest in users.items())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from error


def hash_password(password: str, *, cost: int = COST) -> str:
    """Return the bcrypt hash. Raises InvalidInputError for an empty password and one that bcrypt would cut."""
    data = password.encode()
    if not 0 < len(data) <= _MOST_BYTES:
        raise InvalidInputError(f"a password has 1 to {_MOST_BYTES} bytes")
    return bcrypt.hashpw(data, bcrypt.gensalt(cost)).decode()


def is_password(password: str, digest: str) -> bool:
    """Return whether the password is the one that was hashed; takes as long as the hash was meant to take."""
    # Apache writes $2y$, which is what everybody else calls $2b$
    same = re.sub(r"^\$2[axy]\$", "$2b$", digest)
    return bcrypt.checkpw(password.encode()[:_MOST_BYTES], same.encode())


def check_name(name: str) -> str:
    """Return the name. Raises InvalidInputError for one that the file cannot hold."""
    if not _NAME.fullmatch(name) or name != name.strip():
        raise InvalidInputError(f"{name!r} cannot be a user's name: no colon, and no space or # at its beginning")
    return name
