"""The process around the application: the listening socket, the signals, the prompt end."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from torc_core.errors import ListenError
from torc_server.app import create_app
from torc_server.settings import ServerSettings

_PATIENCE_AT_STOP_S: Final = 1
"""How long requests under way may take to end; a transaction that is cut off never happened."""
_BACKLOG: Final = 2048


class StoppableServer(uvicorn.Server):
    """Ends waiting claims and event streams first when it is told to stop, so that it ends at once."""

    def __init__(self, settings: ServerSettings) -> None:
        app = create_app(settings)
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
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
        self._listener = _listen(settings.host, settings.port)

    def serve_until_stopped(self) -> None:
        _collect_garbage_seldom()
        with self._listener:
            self.run(sockets=[self._listener])

    def stop(self) -> None:
        """May be called from any thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        # who started us waits for this line: it comes only when connections are accepted
        sys.stdout.write(f"TORC_SERVER_PORT={self._listener.getsockname()[1]}\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets=sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal is a wish to stop and not a failure: the exit code stays 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        yield


def _collect_garbage_seldom() -> None:
    """Requests of many thousand records make many objects that live until the answer: looking at them is in vain."""
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
