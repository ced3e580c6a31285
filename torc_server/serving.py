"""The server process around the application: listening socket, signals, and a stop without delay."""

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Final

import uvicorn

from torc_core.errors import ListenError
from torc_server.access.http_limits import ConnectionLimit, timed_protocol
from torc_server.access.tokens import addresses, publish, withdraw
from torc_server.app import create_app
from torc_server.db.lock import DatabaseLock
from torc_server.db.memory import MemoryCopy
from torc_server.settings import ServerSettings

_PATIENCE_AT_STOP_S: Final = 1
"""How long open requests may take when the server stops; a transaction that is cut off is rolled back."""
_LONGEST_STOP_S: Final = 45.0
"""Shorter than the command that started an embedded server waits for its end."""
_BACKLOG: Final = 2048


class StoppableServer(uvicorn.Server):
    """Ends waiting claims and event streams first when it stops, as uvicorn would wait for them."""

    def __init__(self, settings: ServerSettings) -> None:
        # before the database is opened or migrated: a second server must not touch what the first one works on
        self._lock = DatabaseLock.acquire(settings.database)
        try:
            self._memory = MemoryCopy.open(settings.database) if settings.in_memory else None
            if self._memory is None:
                MemoryCopy.refuse_to_forget(settings.database)
            app = create_app(settings, path=self._memory.path if self._memory else None)
            self._listener = _listen(settings.host, settings.port)
        except BaseException:
            self._lock.close()
            raise
        self._port: int = self._listener.getsockname()[1]
        self._lock.name_server(self._port)
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=timed_protocol(
                    settings.access.request_timeout_s,
                    ConnectionLimit.of_this_process(settings.access.connections_per_address),
                ),
                ssl_certfile=settings.access.tls_cert,
                ssl_keyfile=settings.access.tls_key,
                ws="none",
                log_config=None,
                log_level=settings.log_level,
                access_log=settings.log_level == "debug",
                timeout_graceful_shutdown=_PATIENCE_AT_STOP_S,
                timeout_keep_alive=75,
                server_header=False,
                backlog=_BACKLOG,
            )
        )
        self._hub = app.state.hub
        self._token: str | None = app.state.token
        self._settings = settings
        self._stopping = threading.Event()

    def serve_until_stopped(self) -> None:
        threading.Thread(target=self._end_at_last, daemon=True).start()
        _collect_garbage_seldom()
        try:
            # the lock goes last: before the last snapshot, another server would open an old file
            with closing(self._lock), self._listener, self._snapshots():
                self.run(sockets=[self._listener])
        finally:
            self._stopping.set()

    def _snapshots(self) -> AbstractContextManager[None]:
        if self._memory is None:
            return nullcontext()
        return self._memory.snapshots(every_s=self._settings.snapshot_interval_s)

    def stop(self) -> None:
        """Begin to stop; from any thread."""
        self.should_exit = True
        self._stopping.set()

    def _end_at_last(self) -> None:
        """End the process when it is still there long after its end has begun.

        A thread that found no memory dies in the middle of what it does, and the interpreter waits for it for ever.
        """
        self._stopping.wait()
        time.sleep(_LONGEST_STOP_S)
        os._exit(1)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self._token is not None:
            # before the port is printed: the process that started the server looks for the token as soon as it knows it
            publish(self._token, self._token_files())
        # the process that started the server waits for this line: written earlier, its first request would be refused
        sys.stdout.write(f"TORC_SERVER_PORT={self._port}\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets=sockets)
        if self._token is not None:
            withdraw(self._token, self._token_files())

    def _token_files(self) -> list[Path]:
        settings = self._settings
        return addresses(settings.host, self._port, names=settings.access.allowed_hosts, environment=os.environ)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal with exit code 0; uvicorn would raise the signal again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        yield


def _collect_garbage_seldom() -> None:
    """Collect garbage seldom: requests of many thousand records make many objects that all live until the answer."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ListenError(
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            hint="another server may run there; choose another port with --port, or --port 0 for a free one",
        ) from error
    return listener
