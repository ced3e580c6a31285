"""Parameter values: ranges, lists and literals, and how they are written into text."""

import math
import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final

from torc_core.errors import InvalidInputError
from torc_core.spec.problems import show

Value = int | float | str | bool

MAX_EXPANSION: Final = 1_000_000
"""Largest number of values of one parameter and of jobs, files or user data of one workflow."""

_INT: Final = re.compile(r"[-+]?\d{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"[-+]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})(e[-+]?\d{1,2})?", re.ASCII | re.IGNORECASE)
_ITEM: Final = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,]*?)\s*(?:,|$)""")
_WHOLE_FORMAT: Final = re.compile(r"0?\d{0,2}d", re.ASCII)
_FLOAT_FORMAT: Final = re.compile(r"0?\d{0,2}(\.\d{1,2})?[eEfFgG]", re.ASCII)


def parse_values(written: object) -> list[Value]:
    """Return the values of one parameter: `a:b`, `a:b:step` (inclusive), `[x, y]`, one literal, or a native list.

    Raises InvalidInputError for anything without values, for a step of 0 and for more than MAX_EXPANSION values.
    """
    match written:
        case str():
            values = _parse_text(written)
        case list():
            values = [plain_scalar(item) for item in written]
        case _:
            values = [plain_scalar(written)]
    if not values:
        raise InvalidInputError("the list of values is empty")
    if len(values) > MAX_EXPANSION:
        raise _too_many(len(values))
    return values


def plain_text(value: Value) -> str:
    """Return a value as `{p}` shows it: booleans as in YAML, floats without exponent where that is readable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and 1e-9 <= abs(value) < 1e16:
        return format(Decimal(repr(value)), "f")
    return str(value)


def format_value(value: Value, spec: str) -> str:
    """Return a value as `{p:spec}` shows it: `03d` for whole numbers, `.2f`, `e` or `g` for numbers, `` for all.

    Raises InvalidInputError for other formats and for a format that does not fit the value.
    """
    if not spec:
        return plain_text(value)
    if not (_WHOLE_FORMAT.fullmatch(spec) or _FLOAT_FORMAT.fullmatch(spec)):
        raise InvalidInputError(f"the format {show(spec)} is not known; use one like 03d or .2f")
    if isinstance(value, str | bool):
        raise InvalidInputError(f"the format {show(spec)} is for numbers, not for {show(value)}")
    if not spec.endswith("d"):
        return format(float(value), spec)
    if not float(value).is_integer():
        raise InvalidInputError(f"the format {show(spec)} is for whole numbers, not for {plain_text(value)}")
    return format(int(value), spec)


def plain_scalar(value: object) -> Value:
    """Return a value of a parameter as it is. Raises InvalidInputError for anything but a text or a number."""
    if isinstance(value, str | bool) or (isinstance(value, int | float) and abs(value) < 1e300):
        return value
    raise InvalidInputError(f"expected a number or a text as the value of a parameter, got {show(value)}")


def _parse_text(written: str) -> list[Value]:
    text = written.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    if text.startswith("[") and text.endswith("]"):
        return list(_items(text[1:-1]))
    if text.count(":"):
        return _range(text)
    return [parse_literal(text)]


def _items(text: str) -> Iterator[Value]:
    position, last = 0, not text.strip()
    while not last:
        match = _ITEM.match(text, position)
        if match is None or (not match[1] and match.end() < len(text)):
            raise InvalidInputError(f"cannot read the list at {show(text[position:])}; quote texts that hold commas")
        if match[1]:
            yield parse_literal(match[1])
        position, last = match.end(), match.end() >= len(text)


def parse_literal(text: str) -> Value:
    """Return the number that a text writes, else the text, without quotes around it."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if _INT.fullmatch(text):
        return int(text)
    # Longer rows of digits are identifiers: a float would lose their end.
    return float(text) if _NUMBER.fullmatch(text) and not text.isdigit() else text


def _range(text: str) -> list[Value]:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) > 3 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise InvalidInputError(
            f"{show(text)} is no range; write start:end or start:end:step, or put a text with a colon into a list"
        )
    start, end, step = (Fraction(part) for part in [*parts, "1"][:3])
    if step == 0:
        raise InvalidInputError(f"the step of the range {show(text)} is 0")
    count = math.floor((end - start) / step) + 1
    if count < 1:
        raise InvalidInputError(f"the range {show(text)} is empty; to count down, give a negative step")
    if count > MAX_EXPANSION:
        raise _too_many(count)
    if all(_INT.fullmatch(part) for part in parts):
        return list(range(int(start), int(start) + count * int(step), int(step)))
    # Fractions are exact, so that the last value is never lost and 0:1:0.1 holds 0.3.
    return [float(start + place * step) for place in range(count)]


def _too_many(count: int) -> InvalidInputError:
    shown = str(count) if count < 10**18 else f"about {count:.2e}" if count < 10**300 else "far too many"
    return InvalidInputError(f"{shown} values; the most is {MAX_EXPANSION}")
