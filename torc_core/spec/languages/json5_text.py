"""JSON5 workflow files: the package json5 parses them, a scan finds lines when they are needed."""

import re
from functools import cache
from typing import Final

from torc_core.spec.languages.json_text import first_duplicate, positions
from torc_core.spec.problems import KeyPath, syntax_error
from torc_core.spec.source import Source, nearest_line, refuse_unusable_values

_TOKEN: Final = re.compile(
    r"""//[^\n\r]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{}\[\],:]|[^\s{}\[\],:"'/]+""", re.DOTALL
)
_PLACE: Final = re.compile(r"<string>:(\d+) (.*?)(?: at column (\d+))?", re.DOTALL)


def read_json5(text: str, *, file_name: str) -> Source:
    """Parse JSON5. Raises SpecError, with the line, for anything that is not JSON5, and for a key given twice."""
    import json5  # only such a file pays for the import

    try:
        value = json5.loads(text, allow_duplicate_keys=False)
    except RecursionError:
        raise syntax_error(file_name, 1, "nested too deeply") from None
    except ValueError as error:
        if "Duplicate key" in str(error):
            raise syntax_error(file_name, *first_duplicate(positions(text, _TOKEN, _key))) from None
        raise syntax_error(file_name, *_fault(str(error))) from None

    @cache
    def lines() -> dict[KeyPath, int]:
        return dict(positions(text, _TOKEN, _key))

    source = Source(file_name, value, lambda path: nearest_line(lines(), path))
    refuse_unusable_values(source)
    return source


def _fault(message: str) -> tuple[int, str]:
    """Return line and message of an error of the parser."""
    place = _PLACE.fullmatch(message)
    if place is None:
        return 1, f"not valid JSON5: {message}"
    column = f" (column {place[3]})" if place[3] else ""
    return int(place[1]), f"not valid JSON5: {place[2]}{column}"


def _key(piece: str) -> str:
    """Return the key that a token writes: a quoted text, or an identifier."""
    import json5

    return str(json5.loads(piece)) if piece[0] in "\"'" else piece
