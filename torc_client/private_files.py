"""Files that only their user can read: what is known of jobs, and what others must not lead astray."""

import os
import stat
from pathlib import Path
from typing import IO, Final

_PRIVATE: Final = 0o600


def private(path: str, flags: int) -> int:
    """Open a file for `open(…, opener=private)`: a new one is its user's alone, and a link is never followed.

    In a folder that others may write to, a link put in its place beforehand would have its target overwritten.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW, _PRIVATE)
    facts = os.fstat(descriptor)
    if facts.st_uid == os.geteuid() and stat.S_ISREG(facts.st_mode) and facts.st_mode & 0o077:
        os.fchmod(descriptor, _PRIVATE)  # an older version left it open to others
    return descriptor


def open_for_appending(path: Path) -> IO[str]:
    """Open a private text file that is written at its end, and may be read."""
    return os.fdopen(private(str(path), os.O_RDWR | os.O_CREAT | os.O_APPEND), "a+", encoding="utf-8", errors="replace")
