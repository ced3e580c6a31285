"""The command `torc-server`."""

import argparse
import gc
import logging
import math
import os
import resource
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args
from urllib.parse import urlsplit

from torc_core import __version__
from torc_core.credentials import is_loopback, token_beside
from torc_core.errors import InvalidInputError, RunnerError, TorcError
from torc_core.shortage import shortage_of
from torc_core.triage.limits import DEFAULT_MAX_RAISE
from torc_server import maintenance
from torc_server.access.files import keep_private
from torc_server.log_files import KEPT, LARGEST_MIB, log_handler, pid_file
from torc_server.maintenance import complain
from torc_server.settings import REQUEST_TIMEOUT_S, AccessSettings, LogLevel, ServerSettings, find_database

if TYPE_CHECKING:
    from torc_server.serving import StoppableServer

_LEAST_ADDRESS_SPACE: Final = 256 * 1024**2
"""With less, threads and libraries fail at moments that nobody can foresee."""
_WITHOUT_MEMORY_S: Final = 0.2
_LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command. Exit code 0 after a stop, 1 when it cannot serve, 2 for wrong arguments."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in maintenance.COMMANDS:
        sys.exit(maintenance.main(arguments, check_options=check_options))
    options = _parser().parse_args(arguments)
    try:
        handler = _log_handler(options)
        logging.basicConfig(level=options.log_level.upper(), format=_LOG_FORMAT, handlers=[handler])
        logging.getLogger("alembic").setLevel(logging.WARNING)  # it names its plugins
        settings = _settings(options)
    except InvalidInputError as error:
        sys.exit(complain(error, code=2))
    try:
        _refuse_low_limit()
        with pid_file(options.pid_file):
            run_server(settings)
    except TorcError as error:
        sys.exit(complain(error, code=1))
    except Exception as error:
        shortage = shortage_of(error)
        if shortage is None:
            raise
        sys.exit(complain(shortage, code=1))


def check_options(arguments: Sequence[str]) -> None:
    """Raise InvalidInputError, or end the process with code 2, for options with which the server would not start."""
    options = _parser().parse_args(arguments)
    find_database(options.database, os.environ)
    _access(options)
    _max_raise(options.max_raise)
    _snapshot_interval(options)


def _log_handler(options: argparse.Namespace) -> logging.Handler:
    if options.log_file is None:
        return logging.StreamHandler(sys.stderr)
    return log_handler(options.log_file, largest_mib=options.log_max_mib, kept=options.log_keep)


def _refuse_low_limit() -> None:
    """Raise RunnerError where the address space is so limited that the server would fail somewhere in a request."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit not in (resource.RLIM_INFINITY, -1) and limit < _LEAST_ADDRESS_SPACE:
        raise RunnerError(
            f"the address space of this process is limited to {limit // 1024**2} MiB; the server needs at least "
            f"{_LEAST_ADDRESS_SPACE // 1024**2} MiB",
            hint="raise the limit, for example: ulimit -v unlimited",
        )


def run_server(settings: ServerSettings) -> None:
    """Serve until SIGTERM, SIGINT or, where the settings say so, the end of stdin."""
    keep_private(settings.database)
    gc.disable()  # until it serves: all that is loaded stays, and looking at it takes a fifth of the start
    from torc_server.serving import StoppableServer

    server = StoppableServer(settings)
    if settings.stop_at_stdin_eof:
        threading.Thread(target=_stop_at_stdin_eof, args=(server,), daemon=True).start()
    server.serve_until_stopped()


def _settings(options: argparse.Namespace) -> ServerSettings:
    database, source = find_database(options.database, os.environ)
    sys.stderr.write(f"torc-server: the database is {database.absolute()} (named by {source})\n")
    access = _access(options)
    sys.stderr.write(f"torc-server: {_who_may_call(access, database)}\n")
    return ServerSettings(
        database=database,
        host=options.host,
        port=options.port,
        log_level=options.log_level,
        use_pending_failed=not options.no_pending_failed,
        max_raise=_max_raise(options.max_raise),
        stop_at_stdin_eof=options.shutdown_on_stdin_eof,
        in_memory=options.in_memory,
        snapshot_interval_s=_snapshot_interval(options),
        access=access,
        notify_targets=_notify_targets(options.notify_file),
        public_url=_public_url(options, access),
    )


def _notify_targets(file: Path | None) -> Mapping[str, str]:
    """Return the targets of the file. Raises InvalidInputError for a wrong one, and without the library."""
    if file is None:
        return {}
    from torc_server.notify.notifier import check_targets
    from torc_server.notify.targets import read_targets

    targets = read_targets(file)
    check_targets(targets)
    sys.stderr.write(f"torc-server: notifications go to {', '.join(targets)}\n")
    return targets


def _public_url(options: argparse.Namespace, access: AccessSettings) -> str:
    """Return the address of the pages: the one that is given, or the one that is listened on."""
    if options.public_url:
        return str(options.public_url)
    scheme = "https" if access.tls_cert is not None else "http"
    return f"{scheme}://{options.host}:{options.port}" if options.port else ""


def _snapshot_interval(options: argparse.Namespace) -> float | None:
    """Return the seconds between snapshots. Raises InvalidInputError for an interval without a database in memory."""
    if options.snapshot_interval_seconds is not None and not options.in_memory:
        raise InvalidInputError("--snapshot-interval-seconds does nothing without --in-memory", hint="add --in-memory")
    return None if options.snapshot_interval_seconds is None else float(options.snapshot_interval_seconds)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _max_raise(text: str | float) -> float:
    """Return the factor. Raises InvalidInputError unless it is at least 1."""
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 1 <= factor < math.inf:
        raise InvalidInputError(f"--max-raise is {text!r}; it must be a number of at least 1", hint="for example 4")
    return factor


def _access(options: argparse.Namespace) -> AccessSettings:
    """Return the settings of access. Raises InvalidInputError for options that would open the door by mistake."""
    if options.no_auth and not is_loopback(options.host):
        raise InvalidInputError(
            f"--no-auth with --host {options.host} would let everybody on the network run commands as you",
            hint="leave --no-auth out: clients find the token by themselves; or listen on 127.0.0.1",
        )
    if options.require_auth and options.no_auth:
        raise InvalidInputError("--require-auth and --no-auth contradict each other")
    if options.require_auth and options.auth_file is None:
        raise InvalidInputError(
            "--require-auth needs --auth-file", hint="make the file with `torc-htpasswd add --file FILE NAME`"
        )
    if options.enforce_access_control and not options.require_auth:
        raise InvalidInputError(
            "--enforce-access-control needs --require-auth: without users nobody owns anything",
            hint="add --require-auth --auth-file FILE",
        )
    if bool(options.tls_cert) != bool(options.tls_key):
        raise InvalidInputError("--tls-cert and --tls-key belong together", hint="give both files, in PEM format")
    for file in filter(None, (options.tls_cert, options.tls_key)):
        if not os.access(file, os.R_OK):
            raise InvalidInputError(f"{file} cannot be read", hint="name the certificate and its key, in PEM format")
    return AccessSettings(
        no_auth=options.no_auth,
        allowed_hosts=tuple(options.allowed_host),
        allowed_origins=tuple(options.allow_origin),
        auth_file=options.auth_file,
        require_auth=options.require_auth,
        admin_users=tuple(options.admin_user) or _names(os.environ.get("TORC_ADMIN_USERS", "")),
        enforce_access_control=options.enforce_access_control,
        credential_cache_ttl_s=options.credential_cache_ttl_secs,
        tls_cert=options.tls_cert,
        tls_key=options.tls_key,
        connections_per_address=options.connections_per_address,
        request_timeout_s=options.request_timeout,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _who_may_call(access: AccessSettings, database: Path) -> str:
    """Return the line of the start about who may call this server."""
    if access.no_auth:
        return (
            "WARNING: --no-auth: every user and every program of this machine can read all workflows and run "
            "commands as you"
        )
    if access.require_auth:
        return f"callers need a name and password of {access.auth_file}, or a token that such a user made"
    return f"callers need its token ({token_beside(database).absolute()}); your own commands find it by themselves"


def _stop_at_stdin_eof(server: "StoppableServer") -> None:
    # os.read and not sys.stdin: its lock would be held by this thread when the interpreter ends
    while True:
        try:
            if not os.read(0, 1):
                break
        except MemoryError:  # without this thread, the server would outlive the command that it was started for
            time.sleep(_WITHOUT_MEMORY_S)
    server.stop()


def _web_address(text: str) -> str:
    """Return the address. Raises an error of argparse for what no browser may open, such as a script."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise argparse.ArgumentTypeError(f"{text!r} is no address: write http:// or https:// and the host")
    return text.rstrip("/")


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="torc-server", description="Serves workflows to clients and runners.")
    add = parser.add_argument
    add("--version", action="version", version=f"torc-server {__version__}")
    add(
        "command",
        nargs="?",
        choices=["run"],
        default="run",
        help="run the server (the default); other commands, with options of their own: "
        f"{', '.join(maintenance.COMMANDS)}",
    )
    add(
        "-H",
        "--host",
        default="127.0.0.1",
        help="address to listen on; the default, %(default)s, serves this machine only; 0.0.0.0 serves the whole "
        "network (use TLS there)",
    )
    add("-p", "--port", type=_port, default=8080, help="default %(default)s; 0 picks a free one")
    add(
        "-d",
        "--database",
        metavar="PATH",
        help="SQLite file, created when missing; default: TORC_DATABASE, DATABASE_URL (sqlite:PATH), else ./torc.db",
    )
    add(
        "--in-memory",
        action="store_true",
        help="work on a copy of the database in memory, and write the file when the server stops; for disks that are "
        "slow, and for what a crash of the machine may lose",
    )
    add(
        "--snapshot-interval-seconds",
        metavar="N",
        type=_at_least_one,
        help="write the file every N seconds, too; with --in-memory",
    )
    add(
        "--notify-file",
        metavar="FILE",
        type=Path,
        default=os.environ.get("TORC_NOTIFY_FILE") or None,
        help="notify people of workflows that need them: lines `name = mailto://...`, addresses as of apprise; "
        "`default` gets every workflow; default: TORC_NOTIFY_FILE",
    )
    add("--public-url", type=_web_address, metavar="URL", help="the address of this server's pages in notifications")
    add("-l", "--log-level", choices=get_args(LogLevel), default="info", help="default %(default)s")
    add("--log-file", metavar="FILE", type=Path, help="write the log there, and not to stderr")
    add(
        "--log-max-mib",
        metavar="N",
        type=_at_least_one,
        default=LARGEST_MIB,
        help="begin a new log file when it is so large; default %(default)s",
    )
    add("--log-keep", metavar="N", type=_at_least_one, default=KEPT, help="keep so many full ones; default %(default)s")
    add("--pid-file", metavar="FILE", type=Path, help="keep the process id there while the server runs")
    add(
        "--no-pending-failed",
        action="store_true",
        help="failures that no rule explains are final, unless the workflow says otherwise",
    )
    add(
        "--max-raise",
        metavar="FACTOR",
        default=os.environ.get("TORC_MAX_RAISE", DEFAULT_MAX_RAISE),
        help="a decision on a failure gives a job at most FACTOR times the larger of its request and what it used; "
        "default %(default)s (TORC_MAX_RAISE)",
    )
    door = parser.add_argument_group("who may call")
    door.add_argument(
        "--no-auth", action="store_true", help="everybody who reaches the port may do everything; on loopback only"
    )
    door.add_argument(
        "--auth-file",
        metavar="FILE",
        type=Path,
        default=os.environ.get("TORC_AUTH_FILE"),
        help="users and the hashes of their passwords, as torc-htpasswd writes them (TORC_AUTH_FILE)",
    )
    door.add_argument(
        "--require-auth", action="store_true", help="only users of --auth-file may call; the server has no own token"
    )
    door.add_argument(
        "--admin-user",
        metavar="NAME",
        action="append",
        default=[],
        help="may do everything; may be given several times (TORC_ADMIN_USERS, with commas)",
    )
    door.add_argument(
        "--enforce-access-control",
        action="store_true",
        help="workflows belong to their users, who share them with access groups",
    )
    door.add_argument(
        "--credential-cache-ttl-secs",
        metavar="SECONDS",
        type=float,
        default=float(os.environ.get("TORC_CREDENTIAL_CACHE_TTL_SECS", "60")),
        help="how long a password that was right is not checked again; default 60, 0 never",
    )
    door.add_argument(
        "--allowed-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a name by which clients may call this server, besides localhost and the one it listens on",
    )
    door.add_argument(
        "--allow-origin",
        metavar="ORIGIN",
        action="append",
        default=[],
        help="a site whose pages may use this server, like https://dash.example.org; none by default",
    )
    door.add_argument("--tls-cert", metavar="FILE", type=Path, help="the server's certificate (PEM): serve HTTPS")
    door.add_argument("--tls-key", metavar="FILE", type=Path, help="the key of that certificate (PEM)")
    door.add_argument(
        "--request-timeout",
        metavar="SECONDS",
        type=float,
        default=REQUEST_TIMEOUT_S,
        help="how long a client may take to send the head of a request; default %(default)g",
    )
    door.add_argument(
        "--connections-per-address",
        metavar="N",
        type=_at_least_one,
        help="how many connections one address may hold; default half of what the process can have (ulimit -n)",
    )
    add("-c", "--completion-check-interval-secs", type=float, metavar="SECONDS", help="accepted and not needed")
    add("-t", "--threads", type=int, metavar="N", help="accepted and not needed")
    add("--shutdown-on-stdin-eof", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
