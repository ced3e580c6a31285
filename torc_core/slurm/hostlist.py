"""Lists of nodes and of numbers as Slurm shortens them: `n[1-3,07],m2` and `4(x2),2`."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Final

_MOST: Final = 100_000
"""More nodes than any cluster has; a longer list is no list of nodes."""
_PART: Final = re.compile(r"\[([^\[\]]*)\]|([^\[\],]+)")
_RANGE: Final = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_REPEATED: Final = re.compile(r"(\d{1,9})(?:\(x(\d{1,6})\))?", re.ASCII)


def expand_hostlist(text: str) -> tuple[str, ...]:
    """Return the names of a list such as `n[1-3,07],m2`, in its order; empty where it is none."""
    names: list[str] = []
    for name in _split(text):
        parts = [_numbers(match[1]) if match[1] is not None else (match[2],) for match in _PART.finditer(name)]
        if not parts or not all(parts):
            return ()
        for words in product(*parts):
            names.append("".join(words))
            if len(names) > _MOST:
                return ()
    return tuple(names)


def expand_counts(text: str) -> tuple[int, ...]:
    """Return the numbers of a list such as `4(x2),2`, one for each node; empty where it is none."""
    numbers: list[int] = []
    for part in text.split(",") if text else ():
        match = _REPEATED.fullmatch(part.strip())
        repeats = int(match[2] or 1) if match else 0
        if match is None or len(numbers) + repeats > _MOST:
            return ()
        numbers.extend([int(match[1])] * repeats)
    return tuple(numbers)


def _split(text: str) -> Iterator[str]:
    """Yield the names between the commas that stand outside of brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    if text[start:]:
        yield text[start:]


def _numbers(text: str) -> tuple[str, ...]:
    """Return the numbers of `1-3,07` with their leading zeros; empty where it is no such list."""
    found: list[str] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            return ()
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first + len(found) >= _MOST:
            return ()
        found.extend(f"{number:0{len(match[1])}}" for number in range(first, last + 1))
    return tuple(found)
