"""The most that a job may get: what was allowed for this decision, and what its allocation has."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from torc_core.errors import InvalidInputError
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_server.db.queries.triage.failures import SlurmCeiling

_CLOCK: Final = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """None means that nobody knows a bound."""

    memory_bytes: int | None = None
    runtime_s: float | None = None


def ceiling_of(slurm: Collection[SlurmCeiling], scheduler_id: int | None) -> Ceiling:
    """What the job's allocation has; without one of its own, the most that any allocation of the workflow has."""
    possible = [one for one in slurm if one.id == scheduler_id] or slurm
    memory = [_memory_bytes(one.mem) for one in possible]
    runtime = [_walltime_s(one.walltime) for one in possible]
    return Ceiling(
        memory_bytes=max((amount for amount in memory if amount), default=None) if all(memory) else None,
        runtime_s=max((amount for amount in runtime if amount), default=None) if all(runtime) else None,
    )


def _memory_bytes(text: str | None) -> int | None:
    """Slurm's `--mem`: megabytes unless a unit is named; 0 is the whole node."""
    try:
        return parse_memory(f"{text}m" if text and text.isdecimal() else text or "") or None
    except InvalidInputError:
        return None


def _walltime_s(text: str) -> float | None:
    """Slurm's `--time`: minutes, M:S, H:M:S, D-H, D-H:M or D-H:M:S; ISO 8601 too."""
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
