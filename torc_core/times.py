"""Writes moments as text."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """Return the moment (aware) in UTC with milliseconds and `Z`, so that texts sort like moments."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
