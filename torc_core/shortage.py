"""Errors by which libraries say that a limit of the process is too low: of memory, or of threads."""

import errno
from typing import Final

from torc_core.errors import RunnerError

_NO_ROOM_FOR_LIBRARY: Final = ("failed to map segment", "cannot allocate memory")


def shortage_of(error: BaseException) -> RunnerError | None:
    """Return the error for the user when the process got no memory or no thread; None for all others."""
    match error:
        case (
            MemoryError() | RuntimeError(args=("can't start new thread",)) | OSError(errno=errno.ENOMEM | errno.EAGAIN)
        ):
            pass
        case ImportError() if any(words in error.msg.lower() for words in _NO_ROOM_FOR_LIBRARY):
            pass
        case _:
            return None
    return RunnerError(
        "this process got no memory or no thread for itself",
        hint="a limit of the shell or of its control group is too low: see `ulimit -a`, and raise -v or -u",
    )
