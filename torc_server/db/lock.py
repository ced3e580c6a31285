"""The lock by which a second server on the same database file is refused."""

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Self

from torc_core.errors import DatabaseInUseError, InvalidInputError

_PATIENCE_S: Final = 5.0
"""How long a server that is about to stop may take to release the file."""
_POLL_S: Final = 0.05


class DatabaseLock:
    """Holds the lock of a database file until it is closed, or until this process has ended, however it ended.

    Two servers on one file would each wake only their own waiting claims, and wait for each other's transactions. The
    lock is on a file of its own beside the database, `NAME.lock`: closing any descriptor of the database file itself
    would release SQLite's own locks on it.
    """

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path = path
        self._file = file

    @classmethod
    def acquire(cls, database: Path, *, patience_s: float = _PATIENCE_S) -> Self:
        """Take the lock, waiting for at most `patience_s`.

        Raises DatabaseInUseError that names the server which has it, or says that the file system has no locks.
        """
        path = database.absolute().with_name(f"{database.name}.lock")
        deadline = time.monotonic() + patience_s
        while True:
            file = _open(path, database)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _holder(file)
                file.close()
                if time.monotonic() >= deadline:
                    raise _in_use(database, holder) from None
                time.sleep(_POLL_S)
                continue
            except OSError as error:
                file.close()
                raise _no_locks(database, error) from error
            # the server that had the lock may have removed the file while we opened it: then nobody else sees our lock
            if _is_at(path, file):
                return cls(path, file)
            file.close()

    def name_server(self, port: int) -> None:
        """Store which server has the lock, for the message of the one that is refused."""
        facts = {"pid": os.getpid(), "hostname": socket.gethostname(), "port": port}
        with suppress(OSError):  # on a full disk the message of the second server is poorer, and that is all
            self._file.seek(0)
            self._file.truncate()
            self._file.write(json.dumps(facts))
            self._file.flush()

    def close(self) -> None:
        """Release the lock. The file goes first: removed after the release, it might be another server's by then."""
        with suppress(OSError):
            self._path.unlink()
        self._file.close()


def _open(path: Path, database: Path) -> IO[str]:
    try:
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+", encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(
            f"cannot use {database} as a database: {path.name} cannot be written beside it: {error.strerror}",
            hint="name a file in a folder that exists and that you may write to",
        ) from error


def _is_at(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _holder(file: IO[str]) -> dict[str, object]:
    try:
        facts = json.loads(file.read())
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _in_use(database: Path, holder: dict[str, object]) -> DatabaseInUseError:
    pid, hostname, port = holder.get("pid"), holder.get("hostname"), holder.get("port")
    who = f"process {pid} on {hostname}" if pid else "another process"
    where = f"use that server (port {port}), or stop it first" if port else "use that server, or stop it first"
    return DatabaseInUseError(
        f"{database} is served by {who}; a second server on the same file is refused",
        hint=f"{where}; for a server of its own name another file: --database PATH",
    )


def _no_locks(database: Path, error: OSError) -> DatabaseInUseError:
    return DatabaseInUseError(
        f"the file system of {database} has no file locks ({error.strerror}), without which a database breaks",
        hint="name a file on a local disk: --database PATH",
    )
