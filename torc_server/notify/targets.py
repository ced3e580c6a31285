"""The targets of notifications: names and addresses in a file that only its owner can read."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from torc_core.errors import InvalidInputError

DEFAULT_TARGET: Final = "default"
"""The target of every workflow; others get the notifications of workflows that name them."""

_LINE: Final = re.compile(r"([A-Za-z0-9_.-]{1,64})\s*=\s*(\S+)")


def read_targets(path: Path) -> Mapping[str, str]:
    """Return the addresses by name, of lines `name = mailto://…`; `#` begins a comment.

    Raises InvalidInputError that names the line, and for a file that others can read: addresses hold passwords. No
    message holds an address.
    """
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInputError(f"{path} cannot be read: {why}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidInputError(
            f"{path} can be read by others, and addresses of notifications hold passwords", hint=f"chmod 600 {path}"
        )
    targets: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or "://" not in found[2]:
            raise InvalidInputError(f"{path}:{number}: it is no target", hint="write: name = mailto://user:word@host")
        if found[1] in targets:
            raise InvalidInputError(f"{path}:{number}: the target {found[1]} is named twice")
        targets[found[1]] = found[2]
    if not targets:
        raise InvalidInputError(f"{path} names no target", hint="write: default = mailto://user:word@host")
    return targets
