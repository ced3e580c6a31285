"""Places of the nodes of a KDL text: the parser gives none."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from torc_core.spec.problems import Place, syntax_error
from torc_core.spec.source import MAX_DEPTH

_TOKEN: Final = re.compile(
    r"""
    (?P<newline>\r\n|[\n\r\f\u0085\u2028\u2029])
    |(?P<space>[^\S\n\r\f\u0085\u2028\u2029]+|\ufeff|//[^\n\r\f\u0085\u2028\u2029]*)
    |(?P<comment>/\*)
    |(?P<dash>/-)
    |(?P<text>(?P<hashes>\#+)\"\"\"[\s\S]*?\"\"\"(?P=hashes)
        |(?P<marks>\#+)"[\s\S]*?"(?P=marks)
        |r(?P<bars>\#*)"[\s\S]*?"(?P=bars)
        |\"\"\"(?:[^\\]|\\[\s\S])*?\"\"\"
        |"(?:[^"\\]|\\[\s\S])*")
    |(?P<sign>[{}();=\\])
    |(?P<word>[^\s{}()\[\]\\/";=]+)
    |(?P<other>[\s\S])
    """,
    re.VERBOSE,
)

_NEWLINE: Final = re.compile(r"\r\n|[\n\r]")


@dataclass(slots=True)
class NodePlace:
    """Where a node stands: its depth, its part of the text, and its line and column."""

    depth: int
    start: int
    place: Place
    end: int = 0


def node_places(text: str, *, file_name: str) -> list[NodePlace]:
    """Return the places of all nodes in their order, without those that `/-` takes out.

    Raises SpecError for blocks and texts that are not closed, for stray signs, and for endless depth.
    """
    return _Scan(text, file_name).nodes()


def parts(
    text: str, places: Sequence[NodePlace], *, depth: int, start: int, end: int
) -> Iterator[tuple[str, NodePlace]]:
    """Yield the text and the place of each node of this depth between two offsets."""
    for place in places:
        if place.depth == depth and start <= place.start < end:
            yield text[place.start : place.end], place


class _Scan:
    def __init__(self, text: str, file_name: str) -> None:
        self.text, self.file_name = text, file_name
        self.places: list[NodePlace] = []
        self.blocks: list[tuple[bool, Place, NodePlace | None]] = []
        self.node: NodePlace | None = None
        self.awaits_node = True
        self.is_out = False
        self.dashed = False
        self.offset = 0
        self.line, self.line_start = 1, 0

    def nodes(self) -> list[NodePlace]:
        offset, length = 0, len(self.text)
        continues = False
        while offset < length:
            self.offset = offset
            token = _TOKEN.match(self.text, offset)
            if token is None:  # the last alternative takes any character
                break
            kind, end = token.lastgroup, token.end()
            if kind == "comment":
                end = self._skip_comment(offset)
            elif kind == "newline" and continues:
                continues = False
            elif kind == "newline":
                self._end_node(offset)
            elif kind == "dash":
                self.dashed = True
            elif kind == "sign" and token[0] == "\\":
                continues = True
            elif kind == "sign":
                end = self._take_sign(token[0], offset, end)
            elif kind == "other":
                raise self._fault(
                    f"{token[0]!r} is not expected here" if token[0] not in '"#' else "a text is not closed"
                )
            elif kind != "space":
                self._take_word(offset)
            for newline in _NEWLINE.finditer(self.text, offset, end):
                self.line, self.line_start = self.line + 1, newline.end()
            offset = end
        self._end_node(length)
        if self.blocks:
            raise syntax_error(self.file_name, self.blocks[-1][1], "the block that begins here is not closed")
        return self.places

    def _take_sign(self, sign: str, offset: int, end: int) -> int:
        """Return where the scan goes on."""
        if sign == ";":
            self._end_node(offset)
        elif sign == "{":
            if self.node is None and not self.is_out:
                raise self._fault("'{' needs the name of a node before it")
            if len(self.blocks) >= MAX_DEPTH:
                raise self._fault(f"nested deeper than {MAX_DEPTH} levels")
            self.blocks.append((self._hides() or self.is_out or self.dashed, self._place(), self.node))
            self.node, self.awaits_node, self.is_out, self.dashed = None, True, False, False
        elif sign == "}":
            self._end_node(offset)
            if not self.blocks:
                raise self._fault("'}' closes no block")
            is_hidden, _, self.node = self.blocks.pop()
            self.is_out, self.awaits_node = is_hidden and self.node is None, self.node is None
            if self.node is not None:
                self.node.end = end
        elif sign == "(" and self.awaits_node:
            close = self.text.find(")", offset)
            return len(self.text) if close < 0 else close + 1  # the type of a node stands before its name
        return end

    def _take_word(self, offset: int) -> None:
        if self.awaits_node:
            self.is_out = self._hides() or self.dashed
            self.awaits_node = False
            if not self.is_out:
                self.node = NodePlace(len(self.blocks), offset, self._place())
                self.places.append(self.node)
        self.dashed = False

    def _end_node(self, offset: int) -> None:
        if self.node is not None and not self.node.end:
            self.node.end = offset
        if not self.awaits_node:
            self.node, self.is_out = None, False
        self.awaits_node = True

    def _hides(self) -> bool:
        return bool(self.blocks) and self.blocks[-1][0]

    def _skip_comment(self, offset: int) -> int:
        """Return the end of a comment, which may hold others."""
        depth, place = 0, offset
        for sign in re.compile(r"/\*|\*/").finditer(self.text, offset):
            depth += 1 if sign[0] == "/*" else -1
            place = sign.end()
            if depth == 0:
                return place
        raise self._fault("a comment is not closed")

    def _fault(self, message: str) -> Exception:
        return syntax_error(self.file_name, self._place(), f"not valid KDL: {message}")

    def _place(self) -> Place:
        return self.line, self.offset - self.line_start + 1
