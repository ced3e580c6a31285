"""Memory quantities: `512m`, `8g`; an integer and an optional letter k, m, g, t, binary, any case."""

import re
from typing import Final

from torc_core.errors import InvalidInputError

_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_GRAMMAR: Final = re.compile(r"(\d{1,18})\s*([kmgt]?)", re.IGNORECASE | re.ASCII)


def parse_memory(text: str) -> int:
    """Return the bytes of `text`. Raises InvalidInputError for fractions, other units, signs and blanks."""
    match = _GRAMMAR.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(
            f"memory {text!r} is not an amount of memory",
            hint="write an integer and one letter of k, m, g, t, for example 512m or 8g",
        )
    amount = int(match[1]) * _UNITS[match[2].lower()]
    if amount >= 1 << 63:
        raise InvalidInputError(f"memory {text!r} is more than any machine has", hint="use at most 8388607t")
    return amount


def format_memory(memory_bytes: int) -> str:
    """Return the shortest exact text for an amount in bytes; `parse_memory` gives the amount back."""
    for letter in ("t", "g", "m", "k"):
        if memory_bytes and memory_bytes % _UNITS[letter] == 0:
            return f"{memory_bytes // _UNITS[letter]}{letter}"
    return str(memory_bytes)


def round_up_memory(memory_bytes: float) -> int:
    """Return the next whole GiB, MiB (below 1 GiB) or KiB (below 1 MiB): amounts people would write."""
    amount = -int(-memory_bytes // 1)
    for letter in ("g", "m", "k"):
        unit = _UNITS[letter]
        if amount >= unit:
            return -(-amount // unit) * unit
    return amount


def describe_memory(memory_bytes: int) -> str:
    """Return the amount for people: `1.5 MB`, `2.25 GB` (binary units)."""
    value, names = float(memory_bytes), ["B", "KB", "MB", "GB", "TB"]
    while value >= 1024 and len(names) > 1:
        value, names = value / 1024, names[1:]
    return f"{value:.2f}".rstrip("0").rstrip(".") + f" {names[0]}"
