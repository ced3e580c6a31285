"""Makes text from elsewhere fit for a terminal."""

import json
import re
from typing import Final

_UNUSUAL: Final = re.compile(r"[^\t\n -~]")


def clean(text: str) -> str:
    """Return the text without escapes, control, zero-width and direction characters.

    Names and logs come from elsewhere, and must not control the terminal.
    """
    if not _UNUSUAL.search(text):
        return text
    from torc_core.evidence.cleaning import clean_text

    return clean_text(text)


def escape_unsafe(json_text: str) -> str:
    """Return the same JSON, with what must not reach a terminal written as escapes."""
    if not _UNUSUAL.search(json_text):
        return json_text
    from torc_core.evidence.cleaning import UNSAFE

    return UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], json_text)


def display(value: object) -> str:
    """Return the value as one line for people; `-` for nothing."""
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
    """Return `1 job`, `2 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def clipped(text: str, width: int) -> str:
    """Return the text in at most so many characters, an ellipsis in place of what is left out."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
