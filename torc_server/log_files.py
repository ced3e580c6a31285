"""Where a server writes its log and its process id."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from torc_core.errors import InvalidInputError

LARGEST_MIB: Final = 10
KEPT: Final = 5


def log_handler(path: Path, *, largest_mib: int, kept: int) -> logging.Handler:
    """Return what writes to the file. Raises InvalidInputError where it cannot be written."""
    try:
        # the log names workflows and users; the files that follow a full one get what the process may at most give
        os.umask(0o077)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return RotatingFileHandler(path, maxBytes=largest_mib * 1024 * 1024, backupCount=kept, encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(
            f"--log-file {path}: {error.strerror}", hint="name a file that can be written"
        ) from error


@contextmanager
def pid_file(path: Path | None) -> Iterator[None]:
    """Keep the id of this process in the file while the block runs. Raises InvalidInputError where that fails."""
    if path is None:
        yield
        return
    text = f"{os.getpid()}\n"
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise InvalidInputError(
            f"--pid-file {path}: {error.strerror}", hint="name a file that can be written"
        ) from error
    try:
        yield
    finally:
        # another server may have written its own by now
        if path.exists() and path.read_text(encoding="ascii", errors="replace") == text:
            path.unlink(missing_ok=True)
