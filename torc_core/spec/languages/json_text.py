"""JSON workflow files: the standard library parses them, a scan finds places when they are needed."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final, NoReturn

from torc_core.spec.problems import START, KeyPath, Place, format_path, show, syntax_error
from torc_core.spec.source import Source, nearest_place, refuse_unusable_values


class _UnusableNumberError(ValueError):
    """A number that no request can carry; `word` is how it is written."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word


_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def read_json(text: str, *, file_name: str) -> Source:
    """Parse JSON. Raises SpecError, with the place, for anything that is not JSON, and for a key given twice."""
    shrunken: list[dict[str, Any]] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) < len(pairs):
            shrunken.append(built)
        return built

    try:
        value = json.loads(text, object_pairs_hook=build, parse_constant=_refuse_constant, parse_int=_whole_number)
    except json.JSONDecodeError as error:
        raise syntax_error(file_name, (error.lineno, error.colno), f"not valid JSON: {error.msg}") from None
    except RecursionError:
        raise syntax_error(file_name, START, "nested too deeply") from None
    except _UnusableNumberError as error:
        raise syntax_error(file_name, _place_of(error.word, text), f"not valid JSON: {error}") from None
    if shrunken:
        raise syntax_error(file_name, *first_duplicate(positions(text)))

    @cache
    def places() -> dict[KeyPath, Place]:
        return dict(positions(text))

    source = Source(file_name, value, lambda path: nearest_place(places(), path))
    refuse_unusable_values(source)
    return source


def _refuse_constant(word: str) -> NoReturn:
    raise _UnusableNumberError(word, f"{word} is no finite number")


def _whole_number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise _UnusableNumberError(word, "the number is too long") from None


def _place_of(word: str, text: str) -> Place:
    """Return the place of the first token that is this word."""
    start = next((match.start() for match in _TOKEN.finditer(text) if match[0] == word), 0)
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)


def first_duplicate(places: Iterable[tuple[KeyPath, Place]]) -> tuple[Place, str]:
    """Return place and message of the first key that is given twice."""
    seen: dict[KeyPath, Place] = {}
    for path, place in places:
        if path in seen:
            return place, f"{format_path(path)}: the key {show(path[-1])} is given twice, first on line {seen[path][0]}"
        seen[path] = place
    return START, "a key is given twice"


def positions(
    text: str, token: re.Pattern[str] = _TOKEN, read_key: Callable[[str], str] = json.loads
) -> Iterator[tuple[KeyPath, Place]]:
    """Yield path and place of every key and list item of a valid text, in its order.

    `token` finds the tokens of the language, comments among them; `read_key` returns the key that one of them writes.
    """
    path: list[str | int | None] = []
    line, line_start, last = 1, 0, 0
    for match in token.finditer(text):
        piece = match[0]
        if newlines := text.count("\n", last, match.start()):
            line += newlines
            line_start = text.rfind("\n", last, match.start()) + 1
        last = match.start()
        if piece.startswith(("//", "/*")):
            continue
        if piece in "}]":
            path.pop()
        elif piece == ",":
            top = path[-1]
            path[-1] = top + 1 if isinstance(top, int) else None
        elif piece != ":":
            awaiting_key = bool(path) and path[-1] is None
            if awaiting_key:
                path[-1] = str(read_key(piece))
            if awaiting_key or (path and isinstance(path[-1], int)):
                yield tuple(part for part in path if part is not None), (line, last - line_start + 1)
            if piece in "{[":
                path.append(None if piece == "{" else 0)
