"""Texts with `{p}` and `{p:03d}` in them."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from torc_core.spec.values import Value, format_value

Row = tuple[Value, ...]
"""One combination: a value for each parameter, in the order of their names."""

PARAMETER_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


class Template:
    """A text in which declared parameters are replaced; every other brace, and the shell's `${…}`, stays."""

    __slots__ = ("escape", "parts", "text")

    def __init__(self, text: str, names: Sequence[str], *, escape: Callable[[str], str] | None = None) -> None:
        self.text = text
        self.escape = escape
        self.parts: list[str | tuple[int, str]] = []
        if names and "{" in text:
            self._split(text, names)

    def _split(self, text: str, names: Sequence[str]) -> None:
        choice = "|".join(re.escape(name) for name in names)
        end = 0
        for match in re.finditer(rf"(?<!\$)\{{({choice})(?::([^{{}}]*))?\}}", text):
            self.parts += [text[end : match.start()], (names.index(match[1]), match[2] or "")]
            end = match.end()
        if self.parts:
            self.parts.append(text[end:])

    def render(self, row: Row) -> str:
        """Return the text with values filled in. Raises InvalidInputError if a format does not fit a value."""
        if not self.parts:
            return self.text
        return "".join(part if isinstance(part, str) else self._show(row[part[0]], part[1]) for part in self.parts)

    def _show(self, value: Value, spec: str) -> str:
        text = format_value(value, spec)
        return self.escape(text) if self.escape else text
