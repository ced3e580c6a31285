"""Bounds the size of answers, and shares it among their parts."""

from collections.abc import Sequence
from typing import Final, TypeVar

from pydantic import BaseModel
from pydantic_core import to_json

from torc_core.evidence.cleaning import bound

ANSWER_BYTES: Final = 15_000
"""Structured content and text together; some agents cut larger results."""

SMALL_BYTES: Final = 3_000
"""An answer up to this size is repeated in full as text."""

HEADLINE_BYTES: Final = 1_000
PAYLOAD_BYTES: Final = ANSWER_BYTES - HEADLINE_BYTES

R = TypeVar("R", bound=BaseModel)


def payload_bytes(row: BaseModel) -> int:
    """Return the bytes of a model as JSON."""
    return len(row.model_dump_json(by_alias=True, exclude_none=True).encode())


def text_bytes(text: str) -> int:
    """Return the bytes of a text inside JSON, without its quotes."""
    return len(to_json(text)) - 2


def take_rows(rows: Sequence[R], room: int) -> list[R]:
    """Return the first rows that fit into `room` bytes together."""
    taken: list[R] = []
    for row in rows:
        room -= payload_bytes(row) + 1
        if room < 0:
            break
        taken.append(row)
    return taken


def share_room(sizes: Sequence[int], room: int) -> list[int]:
    """Return the bytes for each text: short ones stay whole, long ones share what is left."""
    shares = [0] * len(sizes)
    left = max(room, 0)
    for position, index in enumerate(sorted(range(len(sizes)), key=lambda index: sizes[index])):
        shares[index] = min(sizes[index], left // (len(sizes) - position))
        left -= shares[index]
    return shares


def cut_text(text: str, room: int, *, from_start: bool = False) -> str:
    """Return the end of the text (or its start) that takes at most `room` bytes in JSON, in whole lines if one fits."""
    keep = min(room, len(text.encode()))
    while keep > 0:
        cut = bound(text, keep, keep="start" if from_start else "end")
        size = text_bytes(cut)
        if size <= room:
            return cut
        keep = min(keep - 1, keep * room // size)
    return ""
