"""Text from elsewhere, made fit for a terminal."""

import json
import re
from typing import Final

_UNUSUAL: Final = re.compile(r"[^\t\n -~]")


def clean(text: str) -> str:
    """Without escapes, control, zero-width and direction characters: names and logs must not reach into it."""
    if not _UNUSUAL.search(text):
        return text
    from torc_core.evidence.cleaning import clean_text

    return clean_text(text)


def escape_unsafe(json_text: str) -> str:
    """The same JSON, with what must not reach a terminal written as escapes."""
    if not _UNUSUAL.search(json_text):
        return json_text
    from torc_core.evidence.cleaning import UNSAFE

    return UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], json_text)


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
