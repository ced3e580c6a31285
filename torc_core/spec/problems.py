"""Problems of a workflow file, each once, with the line and the column it stands at."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from torc_core.errors import SpecError

KeyPath = tuple[str | int, ...]
"""The way to a value: keys of mappings and positions in lists."""

Place = tuple[int, int]
"""Line and column in a text, both from 1."""

START: Final[Place] = (1, 1)

Locate = Callable[[KeyPath], Place]
"""The place at which the value of a path (or the nearest thing around it) stands."""

KEYS_PAGE: Final = "docs/reference/workflow-keys.md"
"""The page with all keys, in a checkout."""
MAX_LISTED: Final = 20
_MAX_CANDIDATES: Final = 5000
_MAX_SHOWN_CHARS: Final = 60


def format_path(path: KeyPath) -> str:
    """Return `jobs[3].name` for `("jobs", 3, "name")`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "file"


def show(value: object) -> str:
    """Return a value as people wrote it, on one line and short."""
    # Files say null, true and false.
    text = str(value).lower().replace("none", "null") if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'X'?` for the nearest known word, or nothing."""
    close = difflib.get_close_matches(word[:100], list(islice(known, _MAX_CANDIDATES)), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def syntax_error(file_name: str, place: Place, message: str) -> SpecError:
    """Return the error for a text that cannot be read at all."""
    return SpecError(
        f"{file_name}:{place[0]}:{place[1]}: {message}", hint="nothing was created; correct the file and try again"
    )


@dataclass
class Problems:
    """Collects problems (or warnings) by place; a second one at the same place is dropped."""

    file_name: str
    locate: Locate
    messages: dict[KeyPath, str] = field(default_factory=dict)

    def add(self, path: KeyPath, message: str) -> None:
        self.messages.setdefault(path, message)

    def __contains__(self, path: KeyPath) -> bool:
        return path in self.messages

    def __len__(self) -> int:
        return len(self.messages)

    def lines(self) -> list[str]:
        """Return `file:line:column: key: message` for each, in the file's order, and a count of what is left out."""
        placed = sorted((self.locate(path), order, path) for order, path in enumerate(self.messages))
        listed = [
            f"{self.file_name}:{line}:{column}: {format_path(path)}: {self.messages[path]}"
            for (line, column), _, path in placed[:MAX_LISTED]
        ]
        left_out = len(self.messages) - len(listed)
        return [*listed, f"{self.file_name}: … and {left_out} more"] if left_out else listed

    def error(self) -> SpecError:
        """Return all problems as one exception."""
        return SpecError(
            "\n".join(self.lines()),
            hint=f"nothing was created; correct the file and try again ({KEYS_PAGE} lists all keys)",
            ids={"problems": len(self.messages)},
        )
