"""Moments as text."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """In UTC with milliseconds and `Z`: the texts compare like the moments. `moment` knows its time zone."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
