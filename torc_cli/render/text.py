"""Makes text and times from elsewhere fit for a terminal."""

import json
import re
from datetime import UTC, datetime
from typing import Final

_UNUSUAL: Final = re.compile(r"[^\t\n -~]")
_MILLISECONDS_FROM: Final = 10**11
"""A number from here on counts milliseconds since 1970, a smaller one seconds."""


def clean(text: str) -> str:
    """Return the text without escapes, control, zero-width and direction characters.

    Names and logs come from elsewhere, and must not control the terminal.
    """
    if not _UNUSUAL.search(text):
        return text
    from torc_core.evidence.cleaning import clean_text

    return clean_text(text)


def escape_unsafe(json_text: str) -> str:
    """Return the same JSON, with what must not reach a terminal written as escapes."""
    if not _UNUSUAL.search(json_text):
        return json_text
    from torc_core.evidence.cleaning import UNSAFE

    return UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], json_text)


def display(value: object) -> str:
    """Return the value as one line for people; `-` for nothing."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3f}".rstrip("0").rstrip(".")
        case dict() | list():
            return display(json.dumps(value, ensure_ascii=False))
        case _:
            return " ".join(clean(str(value)).split())


def number(count: int, noun: str) -> str:
    """Return `1 job`, `2 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def clipped(text: str, width: int) -> str:
    """Return the text in at most so many characters, an ellipsis in place of what is left out."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def short_time(value: object, *, now: datetime | None = None) -> str | None:
    """Return the time of day for today, month and day this year, and the date for all else; a text that is none as is.

    Takes what records hold: RFC 3339, or seconds or milliseconds since 1970. A text without a zone is in UTC.
    """
    moment = _moment(value)
    if moment is None:
        return None if value is None else str(value)
    local = moment.astimezone()
    today = (now or datetime.now(UTC)).astimezone(local.tzinfo)
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%m-%d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d}"


def _moment(value: object) -> datetime | None:
    try:
        match value:
            case datetime():
                found = value
            case int() | float():
                found = datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, tz=UTC)
            case str():
                found = datetime.fromisoformat(value)
            case _:
                return None
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
