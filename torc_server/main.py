"""The command `torc-server`."""

import argparse
import gc
import logging
import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, get_args

from torc_core import __version__
from torc_core.errors import InvalidInputError, TorcError
from torc_server.settings import LogLevel, ServerSettings, find_database

if TYPE_CHECKING:
    from torc_server.serving import StoppableServer

_LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command. Exit code 0 after a stop, 1 when it cannot serve, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), format=_LOG_FORMAT, stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it names its plugins
    try:
        settings = _settings(options)
    except InvalidInputError as error:
        sys.exit(_complain(error, code=2))
    try:
        run_server(settings)
    except TorcError as error:
        sys.exit(_complain(error, code=1))


def run_server(settings: ServerSettings) -> None:
    """Serve until SIGTERM, SIGINT or, where the settings say so, the end of stdin."""
    gc.disable()  # until it serves: all that is loaded stays, and looking at it takes a fifth of the start
    from torc_server.serving import StoppableServer

    server = StoppableServer(settings)
    if settings.stop_at_stdin_eof:
        threading.Thread(target=_stop_at_stdin_eof, args=(server,), daemon=True).start()
    server.serve_until_stopped()


def _settings(options: argparse.Namespace) -> ServerSettings:
    database, source = find_database(options.database, os.environ)
    sys.stderr.write(f"torc-server: the database is {database.absolute()} (named by {source})\n")
    return ServerSettings(
        database=database,
        host=options.host,
        port=options.port,
        log_level=options.log_level,
        use_pending_failed=not options.no_pending_failed,
        stop_at_stdin_eof=options.shutdown_on_stdin_eof,
    )


def _stop_at_stdin_eof(server: "StoppableServer") -> None:
    # os.read and not sys.stdin: its lock would be held by this thread when the interpreter ends
    while os.read(0, 4096):
        pass
    server.stop()


def _complain(error: TorcError, *, code: int) -> int:
    hint = f"\n  {error.hint}" if error.hint else ""
    sys.stderr.write(f"torc-server: {error.message}{hint}\n")
    return code


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="torc-server", description="Serves workflows to clients and runners.")
    add = parser.add_argument
    add("--version", action="version", version=f"torc-server {__version__}")
    add("command", nargs="?", choices=["run"], default="run", help="run the server (the default)")
    add(
        "-H",
        "--host",
        default="127.0.0.1",
        help="address to listen on; the default, %(default)s, serves this machine only, as there is no login: "
        "0.0.0.0 serves the whole network",
    )
    add("-p", "--port", type=_port, default=8080, help="default %(default)s; 0 picks a free one")
    add(
        "-d",
        "--database",
        metavar="PATH",
        help="SQLite file, created when missing; default: TORC_DATABASE, DATABASE_URL (sqlite:PATH), else ./torc.db",
    )
    add("-l", "--log-level", choices=get_args(LogLevel), default="info", help="default %(default)s")
    add(
        "--no-pending-failed",
        action="store_true",
        help="failures that no rule explains are final, unless the workflow says otherwise",
    )
    add("-c", "--completion-check-interval-secs", type=float, metavar="SECONDS", help="accepted and not needed")
    add("-t", "--threads", type=int, metavar="N", help="accepted and not needed")
    add("--shutdown-on-stdin-eof", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
