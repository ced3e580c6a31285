"""Keeps a database in memory, and writes it to its file at intervals and at the end."""

import hashlib
import logging
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from torc_core.errors import RunnerError, TorcError
from torc_server.db import dialect
from torc_server.db.engine import Database

MEMORY: Final = Path("/dev") / "shm"
"""A file system in memory. SQLite's own `:memory:` is one connection's, and would hold up all readers."""
_NAME: Final = "torc.db"
_TARGET: Final = "target"
"""Holds which state of the file the copy goes on from."""

log = logging.getLogger(__name__)


class MemoryCopy:
    """The database of a server in memory; `path` is where it works, `target` the file that gets the snapshots.

    A server that is killed leaves its copy, and the next one on the same file goes on with it: it is newer than the
    file. The caller holds the lock of `target`, so that no two servers have one copy.
    """

    def __init__(self, target: Path) -> None:
        self.target = target.absolute()
        self._folder = _folder_of(target)
        self.path = self._folder / _NAME

    @classmethod
    def open(cls, target: Path) -> "MemoryCopy":
        """Return the copy of the file, or an empty one where there is none.

        Raises RunnerError without memory for it, and where the file has changed since a server that was killed left
        its copy.
        """
        _make_own(_folder_of(target))
        copy = cls(target)
        if copy.path.exists():
            copy._refuse_another_file()
            log.warning("%s is what a server left that was killed; this one goes on with it", copy.path)
            return copy
        if copy.target.exists():
            copy._load()
        copy._note_target()
        return copy

    @classmethod
    def refuse_to_forget(cls, target: Path) -> None:
        """Raise RunnerError when a killed server left records that are newer than the file."""
        copy = cls(target)
        if copy.path.exists() and copy._noted() == _facts(copy.target):
            raise RunnerError(
                f"a server that was killed left newer records of {target} in {copy.path}",
                hint=f"go on with them: --in-memory; or remove {copy._folder} to forget them",
            )

    def _refuse_another_file(self) -> None:
        if self._noted() != _facts(self.target):
            raise RunnerError(
                f"a server that was killed left records in {self.path}, and {self.target} has changed since",
                hint=f"remove {self._folder} to go on with the file, or the file to go on with those records",
            )

    def _noted(self) -> str:
        try:
            return (self._folder / _TARGET).read_text(encoding="utf-8")
        except OSError:
            return ""

    def _note_target(self) -> None:
        (self._folder / _TARGET).write_text(_facts(self.target), encoding="utf-8")

    def _load(self) -> None:
        partial = self.path.with_name(f"{_NAME}.partial")
        partial.unlink(missing_ok=True)
        try:
            with closing(Database(self.target)) as database:
                database.copy_into(partial)
                # what stands in the write-ahead log of the file would be applied to the snapshot that replaces it
                database.empty_log()
        except (OSError, *dialect.ERRORS) as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise RunnerError(f"{self.target} cannot be taken into memory: {error}") from error
        # last: a copy that was interrupted never bears the name of a whole one
        partial.rename(self.path)

    def write(self, database: Database) -> None:
        """Replace the file by what is in memory now. It stays when this raises OSError or an error of the database."""
        partial = self.target.with_name(f"{self.target.name}.partial")
        partial.unlink(missing_ok=True)
        try:
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            database.copy_into(partial)
            with partial.open("rb") as file:
                # before the rename: after a power cut the name must not lead to a file that was not written yet
                os.fsync(file.fileno())
            partial.rename(self.target)
            # after the rename: a server killed between the two is refused at the next start, which is safer than a copy
            # that seems to belong to a file it never became
            self._note_target()
        finally:
            partial.unlink(missing_ok=True)

    @contextmanager
    def snapshots(self, *, every_s: float | None) -> Iterator[None]:
        """Write the file every so many seconds while the block runs, and when it ends; then free the memory.

        Raises RunnerError, which names the copy, when the last snapshot cannot be written; the copy stays then.
        """
        ended = threading.Event()
        with closing(Database(self.path)) as database:
            thread = threading.Thread(target=self._write_often, args=(database, ended, every_s), daemon=True)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                # two snapshots at once would write the same partial file
                thread.join()
                self._write_last(database)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write_often(self, database: Database, ended: threading.Event, every_s: float | None) -> None:
        written = ""
        while not ended.wait(every_s):
            try:
                if (state := self._state()) != written:
                    self.write(database)
                    written = state
            except (OSError, TorcError, *dialect.ERRORS) as error:
                log.error("no snapshot was written to %s: %s", self.target, error)

    def _state(self) -> str:
        """Return something that differs after every write to the database."""
        paths = (self.path, self.path.with_name(f"{_NAME}-wal"))
        facts = [path.stat() for path in paths if path.exists()]
        return str([(each.st_mtime_ns, each.st_size) for each in facts])

    def _write_last(self, database: Database) -> None:
        try:
            self.write(database)
        except (OSError, TorcError, *dialect.ERRORS) as error:
            raise RunnerError(
                f"the database could not be written to {self.target}: {error}",
                hint=f"it is whole in {self.path}: make room and start the server again, or copy it from there",
            ) from error


def _folder_of(target: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(target.absolute())).hexdigest()[:16]
    return MEMORY / f"torc-{os.geteuid()}-{digest}"


def _facts(target: Path) -> str:
    """Return what differs when anybody else writes the file; a fixed text where there is none."""
    try:
        facts = target.stat()
    except FileNotFoundError:
        return "absent"
    return f"{facts.st_ino} {facts.st_mtime_ns} {facts.st_size}"


def _make_own(folder: Path) -> None:
    """Make the folder for this user alone. Raises RunnerError where it is not theirs."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
    except OSError as error:
        raise RunnerError(
            f"there is no memory for a database: {folder}: {error.strerror}", hint="leave --in-memory out"
        ) from error
    # everybody may make folders there: one that another user made would hold what they want us to believe
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise RunnerError(f"{folder} is not yours alone", hint="remove it, or leave --in-memory out")
