"""Text from elsewhere, made fit for a terminal."""

import json
from typing import Final

_UNPRINTABLE: Final = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def clean(text: str) -> str:
    """Without control characters: names and commands of jobs must not reach into the terminal."""
    return text.translate(_UNPRINTABLE)


def display(value: object) -> str:
    """One line for people; `-` for nothing."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3f}".rstrip("0").rstrip(".")
        case dict() | list():
            return display(json.dumps(value, ensure_ascii=False))
        case _:
            return " ".join(clean(str(value)).split())


def number(count: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
