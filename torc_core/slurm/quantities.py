"""Numbers, amounts of memory and times as Slurm writes them."""

import re
from typing import Final

from torc_core.errors import InvalidInputError
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory

_CLOCK: Final = re.compile(r"(?:(\d{1,9})-)?(\d{1,9})(?::(\d{1,9}))?(?::(\d{1,9}))?", re.ASCII)
_USAGE: Final = re.compile(r"(\d{1,15})(?:\.(\d{1,9}))?([KMGTP]?)", re.ASCII)
_FACTORS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_NO_TIME: Final = frozenset({"", "N/A", "NONE", "UNKNOWN", "INVALID"})


def parse_slurm_memory(text: str | None) -> int | None:
    """Return the bytes of a `--mem`: megabytes unless a unit is named; None for 0 (the whole node) and other texts."""
    try:
        return parse_memory(f"{text}m" if text and text.isdecimal() else text or "") or None
    except InvalidInputError:
        return None


def parse_slurm_walltime(text: str) -> float | None:
    """Return the seconds of a `--time`, None for no limit and for other texts.

    Slurm reads minutes, M:S, H:M:S, D-H, D-H:M or D-H:M:S; ISO 8601 is read too.
    """
    if text.upper().startswith("P"):
        try:
            return parse_duration(text) or None
        except InvalidInputError:
            return None
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    days, *parts = (int(part) if part is not None else None for part in match.groups())
    given = [part for part in parts if part is not None]
    if days is not None or len(given) == 3:
        hours, minutes, seconds = (*given, 0, 0)[:3]
    else:
        hours, (minutes, seconds) = 0, (*given, 0)[:2]
    return float((days or 0) * 86_400 + hours * 3600 + minutes * 60 + seconds) or None


def parse_slurm_cpu_time(text: str) -> float | None:
    """Return the seconds of CPU time that were used: `01:02.345`, `1-02:03:04`. None where none was measured."""
    whole, _, fraction = text.strip().partition(".")
    if _CLOCK.fullmatch(whole) is None:
        return None
    thousandths = int(fraction) / 1000 if len(fraction) == 3 and fraction.isascii() and fraction.isdigit() else 0.0
    return (parse_slurm_walltime(whole) or 0.0) + thousandths


def parse_slurm_usage(text: str) -> int | None:
    """Return the bytes of a measured amount such as `5100K`, None where none was measured."""
    match = _USAGE.fullmatch(text.strip())
    return int(float(f"{match[1]}.{match[2] or 0}") * _FACTORS[match[3]]) if match else None


def parse_slurm_count(text: str) -> int | None:
    """Return a whole number; `4+`, where nodes are summed up, gives 4. None for UNLIMITED and other words."""
    digits = text.strip().removesuffix("+")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None


def count_array_tasks(array: str) -> int:
    """Return the number of tasks of an `--array` that begins with 0: 10 for `0-9%4`; 1 for other texts."""
    last = parse_slurm_count(array.partition("%")[0].rpartition("-")[2])
    return 1 if last is None else last + 1


def known_slurm_time(text: str) -> str | None:
    """Return a point in time as Slurm prints it, None where it has none."""
    return None if text.strip().upper() in _NO_TIME else text.strip()


def format_slurm_walltime(seconds: float) -> str:
    """Return a time as `--time` takes it, in whole minutes rounded down: `04:00:00`, `2-12:30:00`."""
    days, rest = divmod(int(seconds // 60), 1440)
    hours, minutes = divmod(rest, 60)
    return f"{days}-{hours:02}:{minutes:02}:00" if days else f"{hours:02}:{minutes:02}:00"
