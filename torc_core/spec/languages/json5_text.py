"""JSON5 workflow files: the package json5 parses them, a scan finds places when they are needed."""

import re
from functools import cache
from typing import Final

from torc_core.spec.languages.json_text import first_duplicate, positions
from torc_core.spec.problems import START, KeyPath, Place, syntax_error
from torc_core.spec.source import Source, nearest_place, refuse_unusable_values

_TOKEN: Final = re.compile(
    r"""//[^\n\r]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{}\[\],:]|[^\s{}\[\],:"'/]+""", re.DOTALL
)
_PLACE: Final = re.compile(r"<string>:(\d+) (.*?)(?: at column (\d+))?", re.DOTALL)


def read_json5(text: str, *, file_name: str) -> Source:
    """Parse JSON5. Raises SpecError, with the place, for anything that is not JSON5, and for a key given twice."""
    import json5  # only such a file pays for the import

    try:
        value = json5.loads(text, allow_duplicate_keys=False)
    except RecursionError:
        raise syntax_error(file_name, START, "nested too deeply") from None
    except ValueError as error:
        if "Duplicate key" in str(error):
            raise syntax_error(file_name, *first_duplicate(positions(text, _TOKEN, _key))) from None
        raise syntax_error(file_name, *_fault(str(error))) from None

    @cache
    def places() -> dict[KeyPath, Place]:
        return dict(positions(text, _TOKEN, _key))

    source = Source(file_name, value, lambda path: nearest_place(places(), path))
    refuse_unusable_values(source)
    return source


def _fault(message: str) -> tuple[Place, str]:
    """Return place and message of an error of the parser."""
    found = _PLACE.fullmatch(message)
    if found is None:
        return START, f"not valid JSON5: {message}"
    return (int(found[1]), int(found[3] or 1)), f"not valid JSON5: {found[2]}"


def _key(piece: str) -> str:
    """Return the key that a token writes: a quoted text, or an identifier."""
    import json5

    return str(json5.loads(piece)) if piece[0] in "\"'" else piece
