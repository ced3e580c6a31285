"""The value that a workflow file holds, before it is checked."""

import math
from dataclasses import dataclass
from typing import Any, Final

from torc_core.spec.problems import START, KeyPath, Locate, Place, format_path, syntax_error

MAX_DEPTH: Final = 64


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed text: plain mappings, lists and scalars, and where they stand."""

    file_name: str
    value: Any
    locate: Locate


def nearest_place(places: dict[KeyPath, Place], path: KeyPath) -> Place:
    """Return the place of the longest known beginning of `path`."""
    while path and path not in places:
        path = path[:-1]
    return places.get(path, START)


def place_of(text: str, offset: int) -> Place:
    """Return the line and the column of an offset in a text."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def refuse_unusable_values(source: Source) -> None:
    """Raise SpecError for what no request or process could carry: NUL, half characters, infinities, endless depth."""
    waiting: list[tuple[KeyPath, Any]] = [((), source.value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*path, key), item) for key, item in value.items()]
            waiting += [((*path, key), key) for key in value if not key.isascii() or "\0" in key]
        elif isinstance(value, list):
            waiting += [((*path, place), item) for place, item in enumerate(value)]
        elif fault := _fault(value):
            raise syntax_error(source.file_name, source.locate(path), f"{format_path(path)}: {fault}")
        if len(path) > MAX_DEPTH:
            raise syntax_error(source.file_name, source.locate(path), f"nested deeper than {MAX_DEPTH} levels")


def _fault(value: object) -> str | None:
    match value:
        case str() if "\0" in value:
            return "holds a NUL character, which no command or path can have"
        case str() if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            return "holds half of a character (an unpaired surrogate)"
        case float() if not math.isfinite(value):
            return "is not a finite number"
        case _:
            return None
