"""Keeps what the server writes readable by its user alone."""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_OTHERS: Final = 0o077

log = logging.getLogger(__name__)


@contextmanager
def only_for_me() -> Iterator[None]:
    """Create files that only this user can read."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def keep_private(database: Path) -> None:
    """Take from other users what this process will create, and the files of an existing database."""
    os.umask(_OTHERS)
    for path in (database, *(database.with_name(f"{database.name}-{part}") for part in ("wal", "shm"))):
        try:
            facts = path.stat()
            if facts.st_uid == os.geteuid() and facts.st_mode & _OTHERS:
                path.chmod(stat.S_IMODE(facts.st_mode) & ~_OTHERS)
                log.warning("others could read %s: now only you can", path)
        except OSError:
            continue  # there is none yet, or it is not ours to change
