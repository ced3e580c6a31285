"""ISO 8601 durations: `PT1H30M`, `P0DT1M`, `P1W`."""

import re
from typing import Final

from torc_core.errors import InvalidInputError

_GRAMMAR: Final = re.compile(
    r"P(?:(?P<years>\d+(?:\.\d+)?)Y)?(?:(?P<months>\d+(?:\.\d+)?)M)?(?:(?P<weeks>\d+(?:\.\d+)?)W)?"
    r"(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII | re.IGNORECASE,
)
_SECONDS: Final = {
    "years": 31_557_600,
    "months": 2_629_800,
    "weeks": 604_800,
    "days": 86_400,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
}


def parse_duration(text: str) -> float:
    """Return the seconds of an ISO 8601 duration; a year is 365.25 days, a month a twelfth of it.

    Raises InvalidInputError for anything else, also for a duration without any part.
    """
    match = _GRAMMAR.fullmatch(text.strip())
    parts = {name: value for name, value in match.groupdict().items() if value} if match else {}
    if not parts or text.strip().upper().endswith("T"):
        raise InvalidInputError(
            f"{text!r} is not a duration",
            hint="write an ISO 8601 duration, for example PT30M, PT4H or P1DT12H",
        )
    seconds = sum(float(value) * _SECONDS[name] for name, value in parts.items())
    if seconds >= 1e11:
        raise InvalidInputError(f"{text!r} is too long", hint="use less than 3000 years")
    return seconds


def format_duration(seconds: float) -> str:
    """Return ISO 8601 with hours, minutes and seconds, rounded up to a whole second: 5400 gives `PT1H30M`."""
    whole = max(0, -int(-seconds // 1))
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    text = "".join(f"{n}{u}" for n, u in ((hours, "H"), (minutes, "M"), (secs, "S")) if n)
    return f"PT{text or '0S'}"


def describe_duration(seconds: float) -> str:
    """Return the duration for people: `1h 5m 3s`, `450ms`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    days, rest = divmod(round(seconds), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    parts = [f"{n}{u}" for n, u in ((days, "d"), (hours, "h"), (minutes, "m"), (secs, "s")) if n]
    return " ".join(parts) or "0s"
