"""The options that every command understands, before and after its name, and those that lists share."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

import typer

GLOBAL_PANEL: Final = "Global options"


class Format(StrEnum):
    """The formats in which results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class LogLevel(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


@dataclass(frozen=True, kw_only=True)
class GlobalOptions:
    """The global options that the user typed; None and False mean that an option was not typed."""

    url: str | None = None
    format: Format | None = None
    wide: bool = False
    standalone: bool = False
    database: Path | None = None
    in_memory: bool = False
    snapshot_interval_seconds: int | None = None
    password: str | None = None
    prompt_password: bool = False
    tls_ca_cert: Path | None = None
    log_level: LogLevel | None = None

    def overlaid_with(self, later: Self) -> Self:
        """Return both together; what was typed after the command's name wins."""
        typed = {field.name: getattr(later, field.name) for field in fields(later)}
        return replace(self, **{name: value for name, value in typed.items() if value})


@dataclass(frozen=True, kw_only=True)
class GlobalOption:
    """How one field of GlobalOptions is typed."""

    field: str
    type: Any
    names: tuple[str, ...]
    help: str
    metavar: str | None = None
    least: int | None = None

    @property
    def default(self) -> bool | None:
        return False if self.type is bool else None

    def annotation(self, *, without: AbstractSet[str] = frozenset()) -> Any:
        """Return the annotation for Typer; None when no name is left."""
        names = [name for name in self.names if name not in without]
        if not names:
            return None
        option = typer.Option(
            *names, help=self.help, metavar=self.metavar, min=self.least, rich_help_panel=GLOBAL_PANEL
        )
        return Annotated[self.type, option]


GLOBAL_OPTIONS = (
    GlobalOption(
        field="url",
        type=str | None,
        names=("--url",),
        metavar="URL",
        help="The server's address; also TORC_API_URL.",
    ),
    GlobalOption(
        field="format",
        type=Format | None,
        names=("-f", "--format"),
        help="How to print results, csv for lists only; also TORC_FORMAT.",
    ),
    GlobalOption(
        field="wide",
        type=bool,
        names=("--wide",),
        help="Print tables with all their columns unfolded, wider than the terminal.",
    ),
    GlobalOption(
        field="standalone",
        type=bool,
        names=("-s", "--standalone"),
        help="Use an embedded server for the time of the command.",
    ),
    GlobalOption(
        field="database",
        type=Path | None,
        names=("--database",),
        metavar="FILE",
        help="Database of the embedded server; also TORC_DATABASE.",
    ),
    GlobalOption(
        field="in_memory",
        type=bool,
        names=("--in-memory",),
        help="Keep that database in memory, and write its file at the end.",
    ),
    GlobalOption(
        field="snapshot_interval_seconds",
        type=int | None,
        names=("--snapshot-interval-seconds",),
        metavar="N",
        help="Write the file every N seconds, too.",
        least=1,
    ),
    GlobalOption(
        field="password",
        type=str | None,
        names=("--password",),
        metavar="WORD",
        help="The password for the server; also TORC_PASSWORD.",
    ),
    GlobalOption(field="prompt_password", type=bool, names=("--prompt-password",), help="Ask for the password."),
    GlobalOption(
        field="tls_ca_cert",
        type=Path | None,
        names=("--tls-ca-cert",),
        metavar="FILE",
        help="Who signed the server's certificate (PEM); also TORC_TLS_CA_CERT.",
    ),
    GlobalOption(
        field="log_level",
        type=LogLevel | None,
        names=("--log-level",),
        help="Least severity of log lines on stderr; also TORC_LOG_LEVEL.",
    ),
)

WorkflowArgument = Annotated[
    int | None,
    typer.Argument(
        metavar="[WORKFLOW_ID]", help="Id of the workflow; your only one when left out.", show_default=False
    ),
]
LimitOption = Annotated[
    int | None, typer.Option("-l", "--limit", min=0, help="List at most so many; all when left out.")
]
OffsetOption = Annotated[int, typer.Option("--offset", min=0, help="Leave out so many at the beginning.")]
SortOption = Annotated[str | None, typer.Option("--sort-by", metavar="FIELD", help="Sort by this field.")]
ReverseOption = Annotated[bool, typer.Option("--reverse-sort", help="Sort the largest first.")]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("-x", "--exclude", metavar="COLUMN", help="Leave out this column; may be repeated."),
]
YesOption = Annotated[bool, typer.Option("--no-prompts", "--force", "--yes", help="Do not ask.")]
