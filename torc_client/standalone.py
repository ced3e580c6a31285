"""Runs an embedded server for the time of a command, over a database file; commands at the same time share it.

Beside `torc.db` stand `torc.db.server.json` (which server runs, and the lock for asking), `torc.db.server.fifo`
(the server's stdin: it ends when the last command has closed its end, however that command ended) and
`torc.db.server.log`, which alone stays when the last command has left.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from torc_client.private_files import open_for_appending, private
from torc_client.processes import process_identity
from torc_client.settings import complete_url
from torc_core.errors import RunnerError, StateConflictError

_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 60.0
"""A server that cannot end in order ends itself within this time; on a busy machine, an orderly end is slow, too."""
_PING_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.01
_OPTIONS: Final = ("--port", "0", "--log-level", "warning", "--shutdown-on-stdin-eof")
_PORT_LINE: Final = "TORC_SERVER_PORT="
_LAST_WORDS_CHARS: Final = 2000


@dataclass(frozen=True, kw_only=True)
class _Running:
    """The content of `torc.db.server.json`; empty fields mean that no server runs."""

    url: str = ""
    pid: int = 0
    hostname: str = ""
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Paths:
    database: Path
    state: Path
    fifo: Path
    log: Path


@dataclass(frozen=True, kw_only=True)
class InMemory:
    """The server keeps the database in memory, and writes it at its end, and every so many seconds before."""

    snapshot_interval_s: int | None = None

    def options(self) -> list[str]:
        """Return the options of the server's command line."""
        interval = self.snapshot_interval_s
        return ["--in-memory", *([] if interval is None else ["--snapshot-interval-seconds", str(interval)])]


@contextmanager
def embedded_server(
    database: Path, *, in_memory: InMemory | None = None, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[str]:
    """Yield the URL of a server over `database`; the first command starts it, the last one stops it.

    `meanwhile` is called while it starts.
    Raises RunnerError when it does not start, StateConflictError when another machine's server has the file, or one
    that was not started as `in_memory` asks.
    """
    paths = _paths(database)
    options = in_memory.options() if in_memory else []
    with _locked(paths.state) as state:
        url, our_end = _join(paths, state, options) or _start(paths, state, options, meanwhile)
    try:
        yield url
    finally:
        with _locked(paths.state) as state:
            _leave(paths, state, our_end)


def _paths(database: Path) -> _Paths:
    database = database.absolute()
    if database.is_dir():
        raise RunnerError(f"{database} is a folder, not a database file", hint="name a file with --database")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunnerError(
            f"cannot make the folder {database.parent}: {error.strerror}",
            hint="name another place for the database with --database",
        ) from error
    beside = [database.with_name(f"{database.name}.server.{ending}") for ending in ("json", "fifo", "log")]
    return _Paths(database=database, state=beside[0], fifo=beside[1], log=beside[2])


def _join(paths: _Paths, state: IO[str], options: list[str]) -> tuple[str, int] | None:
    """Return URL and our end of its stdin, if the server of another command runs and answers."""
    running = _read(state)
    if running.hostname and running.hostname != socket.gethostname():
        raise StateConflictError(
            f"{paths.database} is served on {running.hostname}",
            hint=f"work there, or remove {paths.state} if no server runs there any more",
        )
    if not running.url:
        return None
    try:
        our_end = os.open(paths.fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # no process reads it: that server has ended
        return None
    # shared by all commands that use the server: who gets it exclusively in `_leave` knows that it is the last one
    fcntl.flock(our_end, fcntl.LOCK_SH)
    if not _answers(running.url):
        os.close(our_end)
        return None
    if options and running.options != options:
        os.close(our_end)
        raise StateConflictError(
            f"{paths.database} is served by another command at the moment, and not with {' '.join(options)}",
            hint="leave these options out, or wait until that command has ended",
        )
    return running.url, our_end


def _answers(url: str) -> bool:
    """Return whether the server answers; without the client, which takes long to load."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=_PING_TIMEOUT_S)
    try:
        connection.request("GET", f"{address.path}/ping")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _start(paths: _Paths, state: IO[str], options: list[str], meanwhile: Callable[[], object]) -> tuple[str, int]:
    paths.fifo.unlink(missing_ok=True)
    try:
        os.mkfifo(paths.fifo, mode=0o600)
    except OSError as error:
        raise RunnerError(f"cannot make {paths.fifo}: {error.strerror}") from error
    its_end = os.open(paths.fifo, os.O_RDONLY | os.O_NONBLOCK)
    our_end = os.open(paths.fifo, os.O_WRONLY)
    os.set_blocking(its_end, True)
    fcntl.flock(our_end, fcntl.LOCK_SH)
    try:
        with open(paths.log, "wb", opener=private) as log:
            # A session of its own: Ctrl-C must not reach it before the runner has ended orderly.
            # -P: the current folder is the user's, and its `queue.py` would be imported for the standard library's.
            server = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "torc_server.main", "run"),
                    *(*_OPTIONS, "--database", str(paths.database), *options),
                ],
                stdin=its_end,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    finally:
        os.close(its_end)
    try:
        meanwhile()
        port = _await_port(server, paths.log)
    except BaseException:
        os.close(our_end)
        server.kill()
        server.wait()
        raise
    running = _Running(
        url=complete_url(f"127.0.0.1:{port}"), pid=server.pid, hostname=socket.gethostname(), options=options
    )
    _write(state, running)
    return running.url, our_end


def _await_port(server: subprocess.Popen[bytes], log: Path) -> int:
    def announced() -> int | None:
        lines = log.read_text(errors="replace").splitlines(keepends=True)
        found = [line for line in lines if line.startswith(_PORT_LINE) and line.endswith("\n")]
        return int(found[0].removeprefix(_PORT_LINE)) if found else None

    _wait_until(lambda: announced() is not None or server.poll() is not None, _START_TIMEOUT_S)
    port = announced()
    if port is None:
        last_words = log.read_text(errors="replace")[-_LAST_WORDS_CHARS:].strip()
        raise RunnerError(f"the embedded server did not start:\n{last_words}", hint=f"its log is {log}")
    return port


def _leave(paths: _Paths, state: IO[str], our_end: int) -> None:
    """Close our end of the server's stdin; the last command waits for the server's end and removes its files."""
    running = _read(state)
    try:
        fcntl.flock(our_end, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_last = True
    except OSError:
        is_last = False
    os.close(our_end)
    if is_last:
        _wait_until(lambda: process_identity(running.pid) is None, _STOP_TIMEOUT_S)
        _end_if_stuck(running.pid, paths.database)
        with suppress(ChildProcessError):  # another command may have started it
            os.waitpid(running.pid, os.WNOHANG)
        for path in (paths.fifo, paths.state):
            path.unlink(missing_ok=True)


def _end_if_stuck(pid: int, database: Path) -> None:
    """Kill the server that did not end: nobody would any more. Another process may have its pid by now."""
    with suppress(OSError):
        if os.fsencode(database) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    while True:
        try:
            file = open_for_appending(path)
        except OSError as error:
            raise RunnerError(f"cannot write {path}: {error.strerror}", hint="choose another --database") from error
        with file:
            # without it, two commands that begin at once would each start a server on the same database
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(path, file):
                yield file
                return


def _is_at(path: Path, file: IO[str]) -> bool:
    """Return False when another command has removed the file while we waited for its lock."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _read(state: IO[str]) -> _Running:
    state.seek(0)
    try:
        return _Running(**json.loads(state.read()))
    except (ValueError, TypeError):
        return _Running()


def _write(state: IO[str], running: _Running) -> None:
    state.truncate(0)
    state.write(json.dumps(asdict(running)))
    state.flush()


def _wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(_POLL_S)
