"""Settings of a server, and those of them that services need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from torc_core.errors import InvalidInputError
from torc_core.triage.limits import DEFAULT_MAX_RAISE

LogLevel = Literal["debug", "info", "warning", "error"]

DEFAULT_DATABASE: Final = Path("torc.db")
REQUEST_TIMEOUT_S: Final = 20.0
DATABASE_VARIABLES: Final = ("TORC_DATABASE", "DATABASE_URL")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ServiceSettings:
    """Settings for services. `use_pending_failed` holds for workflows that do not set it."""

    use_pending_failed: bool = True
    max_raise: float = DEFAULT_MAX_RAISE
    """How many times the larger of its request and its peak a decision may give a job."""
    clock: Callable[[], datetime] = utc_now
    listening_since: datetime | None = None
    """When the server began to listen: no heartbeat could arrive before. None where that does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Settings of access: who may call the server, and how."""

    no_auth: bool = False
    """Everybody who reaches the port may do everything; on loopback only."""
    allowed_hosts: tuple[str, ...] = ()
    """Names of the server besides loopback and the one it is bound to."""
    allowed_origins: tuple[str, ...] = ()
    """Sites whose pages may use the server."""
    auth_file: Path | None = None
    """Users and the hashes of their passwords."""
    require_auth: bool = False
    """Only users of the file may call: there is no token of the server."""
    admin_users: tuple[str, ...] = ()
    enforce_access_control: bool = False
    """Workflows belong to their users, and are shared with groups."""
    credential_cache_ttl_s: float = 60.0
    tls_cert: Path | None = None
    tls_key: Path | None = None
    connections_per_address: int | None = None
    """How many connections one address may hold; None for half of what the process can have."""
    request_timeout_s: float = REQUEST_TIMEOUT_S
    """How long the head of a request may take, and its body besides the time that its size needs."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Settings of one server process. `port` 0 lets the system pick one."""

    database: Path
    host: str = "127.0.0.1"
    port: int = 8080
    log_level: LogLevel = "info"
    use_pending_failed: bool = True
    """The value for workflows that do not set `use_pending_failed`."""
    max_raise: float = DEFAULT_MAX_RAISE
    """How many times the larger of its request and its peak a decision may give a job."""
    stop_at_stdin_eof: bool = False
    in_memory: bool = False
    """The server works on a copy in memory, and writes the database at its end."""
    snapshot_interval_s: float | None = None
    """And every so many seconds before."""
    access: AccessSettings = AccessSettings()
    notify_targets: Mapping[str, str] = field(default_factory=dict)
    """Whom notifications go to, by name; the addresses hold passwords."""
    public_url: str = ""
    """The address of the pages in notifications."""


def find_database(flag: str | None, environment: Mapping[str, str]) -> tuple[Path, str]:
    """Return the database file and what named it: the flag, TORC_DATABASE, DATABASE_URL, or the default.

    Raises InvalidInputError when DATABASE_URL names anything but SQLite.
    """
    if flag is not None:
        return database_path(flag, source="--database"), "--database"
    for variable in DATABASE_VARIABLES:
        if value := environment.get(variable):
            return database_path(value, source=variable), variable
    return DEFAULT_DATABASE, "the default"


def database_path(value: str, *, source: str) -> Path:
    """Return the file that a plain path, `sqlite:path` or `sqlite:///absolute/path` names."""
    scheme, colon, rest = value.partition(":")
    if scheme == "sqlite" and colon:
        value = rest.partition("?")[0].removeprefix("//")
    elif rest.startswith("//"):
        raise InvalidInputError(
            f"{source} names a {scheme} database, and only SQLite files are supported",
            hint="name a file: --database PATH, or sqlite:PATH in DATABASE_URL",
        )
    if not value:
        raise InvalidInputError(f"{source} names no database file", hint="name one: --database PATH")
    return Path(value)
