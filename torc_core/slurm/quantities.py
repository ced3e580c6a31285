"""Amounts of memory and time as Slurm writes them."""

import re
from typing import Final, NamedTuple

from torc_core.errors import InvalidInputError
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory

_CLOCK: Final = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", re.ASCII)


class SlurmRequest(NamedTuple):
    """What one Slurm configuration asks for: `--time` and `--mem` as texts."""

    scheduler_id: int
    walltime: str
    memory: str | None


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
