"""JSON workflow files: the standard library parses them, a scan finds lines when they are needed."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NoReturn

from torc_core.spec.problems import KeyPath, format_path, show, syntax_error
from torc_core.spec.source import Source, nearest_line, refuse_unusable_values

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def read_json(text: str, *, file_name: str) -> Source:
    """Parse JSON. Raises SpecError, with the line, for anything that is not JSON, and for a key given twice."""
    shrunken: list[dict[str, Any]] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) < len(pairs):
            shrunken.append(built)
        return built

    try:
        value = json.loads(text, object_pairs_hook=build, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise syntax_error(file_name, error.lineno, f"not valid JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise syntax_error(file_name, 1, "nested too deeply") from None
    except ValueError as error:
        raise syntax_error(file_name, 1, f"not valid JSON: {error}") from None
    if shrunken:
        raise syntax_error(file_name, *_first_duplicate(text))

    @cache
    def lines() -> dict[KeyPath, int]:
        return dict(_positions(text))

    source = Source(file_name, value, lambda path: nearest_line(lines(), path))
    refuse_unusable_values(source)
    return source


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no finite number")


def _first_duplicate(text: str) -> tuple[int, str]:
    seen: dict[KeyPath, int] = {}
    for path, line in _positions(text):
        if path in seen:
            return line, f"{format_path(path)}: the key {show(path[-1])} is given twice, first on line {seen[path]}"
        seen[path] = line
    return 1, "a key is given twice"


def _positions(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Yield path and line of every key and list item of a valid JSON text, in its order."""
    path: list[str | int | None] = []
    line, last = 1, 0
    for match in _TOKEN.finditer(text):
        piece = match[0]
        line += text.count("\n", last, match.start())
        last = match.start()
        if piece in "}]":
            path.pop()
        elif piece == ",":
            top = path[-1]
            path[-1] = top + 1 if isinstance(top, int) else None
        elif piece != ":":
            awaiting_key = bool(path) and path[-1] is None
            if awaiting_key:
                path[-1] = str(json.loads(piece))
            if awaiting_key or (path and isinstance(path[-1], int)):
                yield tuple(part for part in path if part is not None), line
            if piece in "{[":
                path.append(None if piece == "{" else 0)
