"""Points in time as people read them in a table: short, and in the time zone of their machine."""

from datetime import UTC, datetime

_MILLISECONDS_FROM = 10**11
"""A number from here on counts milliseconds since 1970, a smaller one seconds."""


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
