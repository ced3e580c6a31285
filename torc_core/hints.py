"""Hints: sentences in which commands of `torc` are values, so that each interface spells them its own way."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self


@dataclass(frozen=True)
class TorcCommand:
    """A command of `torc`: its name, such as `failures approve`, and the arguments behind it."""

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the command line without global options."""
        return shlex.join(["torc", *self.name.split(), *self.arguments])


def torc(name: str, *arguments: str | int) -> TorcCommand:
    """Return the command: `torc("failures approve", 7)`."""
    return TorcCommand(name, tuple(map(str, arguments)))


class Hint:
    """A sentence that may name commands.

    Each `{}` of the text stands for one of the values: `Hint("look again: {}", torc("failures list", 3))`. Text from
    elsewhere, such as a file name, is a value too, for it may hold braces; a text without values stands as it is.
    """

    __slots__ = ("parts",)

    def __init__(self, text: str, *values: "TorcCommand | Hint | str | int") -> None:
        texts = text.split("{}") if values else [text]
        if len(texts) != len(values) + 1:
            raise ValueError(f"{len(values)} values for {len(texts) - 1} places in {text!r}")
        parts: list[TorcCommand | str] = [texts[0]]
        for value, after in zip(values, texts[1:], strict=True):
            parts += value.parts if isinstance(value, Hint) else [_part(value)]
            parts.append(after)
        self.parts: Final[tuple[TorcCommand | str, ...]] = tuple(parts)

    @classmethod
    def of(cls, text: "str | Hint") -> "Hint":
        """Return the text as a hint; a hint stands as it is."""
        return text if isinstance(text, Hint) else cls(text)

    @classmethod
    def joined(cls, separator: str, hints: "Sequence[str | Hint]") -> Self:
        """Return one hint of several, as `str.join` does."""
        return cls(separator.join(["{}"] * len(hints)), *hints)

    @classmethod
    def from_text(cls, text: str, commands: Sequence[TorcCommand]) -> Self:
        """Return the hint whose plain text and commands came over the wire.

        A command that does not stand in the text is ignored.
        """
        values = list[TorcCommand | str]()
        for command in commands:
            before, found, after = text.partition(str(command))
            if found:
                values += [before, command]
                text = after
        return cls("{}" * (len(values) + 1), *values, text)

    @property
    def commands(self) -> tuple[TorcCommand, ...]:
        """Return the commands that the sentence names, in its order."""
        return tuple(part for part in self.parts if isinstance(part, TorcCommand))

    def spelled(self, spell: Callable[[TorcCommand], str]) -> str:
        """Return the sentence with each command as `spell` writes it."""
        return "".join(spell(part) if isinstance(part, TorcCommand) else part for part in self.parts)

    def __str__(self) -> str:
        return self.spelled(str)

    def __repr__(self) -> str:
        return f"Hint({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hint) and (str(self), self.commands) == (str(other), other.commands)

    def __hash__(self) -> int:
        return hash(str(self))


Line = str | Hint
"""One line for people."""

Say = Callable[[Line], None]
"""Gets every line for people."""


def spelled(line: Line, spell: Callable[[TorcCommand], str]) -> str:
    """Return the line as text, with each command as `spell` writes it."""
    return line if isinstance(line, str) else line.spelled(spell)


def _part(value: TorcCommand | str | int) -> TorcCommand | str:
    return value if isinstance(value, TorcCommand) else str(value)
