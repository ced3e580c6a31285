"""The output of an agent, line by line: cleaned, without secrets, bounded."""

from collections import deque
from collections.abc import Callable
from typing import Final

from torc_core.evidence.cleaning import clean_text, shorten_line
from torc_core.evidence.redaction import redact_secrets

_LONGEST_BYTES: Final = 64 * 1024
"""More of one line is dropped as it comes."""
_LAST_LINES: Final = 5


class AgentOutput:
    """Passes on the first lines at once and, where there are too many, the last ones at the end."""

    def __init__(self, say: Callable[[str], None], *, max_lines: int, line_chars: int) -> None:
        self._say = say
        self._room = max_lines
        self._line_chars = line_chars
        self._begun = b""
        self._skips = False
        self._held_back = 0
        self._last: deque[str] = deque(maxlen=_LAST_LINES)

    def feed(self, chunk: bytes) -> None:
        *whole, rest = (self._begun + chunk).split(b"\n")
        for line in whole:
            if not self._skips:
                self._take(line)
            self._skips = False
        self._begun = b"" if self._skips else rest
        if len(rest) > _LONGEST_BYTES:
            self._take(rest)
            self._begun, self._skips = b"", True

    def end(self) -> None:
        """Pass on the last lines, and how many were left out before them."""
        if self._begun:
            self._take(self._begun)
            self._begun = b""
        left_out = self._held_back - len(self._last)
        if left_out > 0:
            self._say(f"… {left_out} lines left out …")
        for line in self._last:
            self._say(line)
        self._last.clear()

    def _take(self, raw: bytes) -> None:
        for line in redact_secrets(clean_text(raw[:_LONGEST_BYTES])).splitlines():
            if not line.strip():
                continue
            shown = shorten_line(line.rstrip(), self._line_chars)
            if self._room:
                self._room -= 1
                self._say(shown)
            else:
                self._held_back += 1
                self._last.append(shown)
