"""Templates and the headers of pages: what a page may load, and that nobody keeps or frames it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from torc_core import __version__
from torc_core.api.review import ReviewEntry
from torc_core.evidence.cleaning import clean_text, shorten_line
from torc_core.jobs.status import STATUS_TRAITS
from torc_core.recovery.review import actor_words, change_words, job_words, record_words, stale_words
from torc_core.resources.duration import describe_duration
from torc_core.resources.memory import describe_memory

if TYPE_CHECKING:
    from jinja2 import Environment

_ROOM: Final = Path(__file__).parent
STATIC: Final = _ROOM / "static"
ASSETS: Final[Mapping[str, Path]] = {
    str(path.relative_to(STATIC)): path for path in sorted(STATIC.rglob("*")) if path.suffix in (".css", ".js", ".svg")
}
"""The only files that a request can name."""
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # not `no-referrer`: with it, browsers send forms with the origin `null`, which the door refuses
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_LONGEST_LINE: Final = 400


def render(template: str, **values: Any) -> str:
    """Return the page. Every value is escaped; only templates hold markup."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    # loaded with the first page: a server that is started for one command serves none, and starts sooner without
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_ROOM / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals.update(version=__version__, asset=_asset, traits=STATUS_TRAITS)
    environment.filters.update(
        line=_line,
        text=_text,
        number=_number,
        plural=_plural,
        moment=_moment,
        memory=_memory,
        duration=_duration,
        record=record_words,
        actor=actor_words,
        changes=change_words,
        stale=stale_words,
        jobs=_jobs,
    )
    return environment


@cache
def _asset(name: str) -> str:
    """Return the address of a file, with a mark of its content: browsers keep it until it changes."""
    return f"/static/{name}?v={sha256(ASSETS[name].read_bytes()).hexdigest()[:12]}"


def _line(value: object) -> str:
    """Return untrusted text in one line, without control and direction characters, and bounded."""
    return shorten_line(clean_text(str(value)).replace("\n", " ").strip(), _LONGEST_LINE)


def _text(value: object) -> str:
    return clean_text(str(value))


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _plural(count: int, noun: str) -> str:
    return f"{_number(count)} {noun}" if count == 1 else f"{_number(count)} {noun}s"


def _moment(value: str | int | None) -> str:
    """Return a point in time, given as text or as milliseconds, to the second in UTC."""
    if value is None:
        return ""
    try:
        found = datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int) else datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return _line(value)
    return found.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _jobs(entry: ReviewEntry) -> str:
    return job_words(entry.count, entry.job_names, entry.job_ids)


def _memory(value: int | None) -> str:
    return "" if value is None else describe_memory(value)


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else describe_duration(seconds)
