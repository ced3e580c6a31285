"""How wide each column of a table may be on a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torc_cli.render.base import Column

_LEAST: Final = 12
"""A text is folded to no less: narrower columns cannot be read."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Which columns are shown, how wide each of them is, and whether lines frame them or blanks divide them."""

    places: tuple[int, ...]
    widths: tuple[int, ...]
    is_framed: bool

    @property
    def width(self) -> int:
        return sum(self.widths) + _between(len(self.places), is_framed=self.is_framed)


def fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int) -> Fitted | None:
    """Return the widths at which a table is no wider than the terminal; None where nothing readable fits.

    Numbers, times and statuses are never folded. Before a table is given up, its frame goes, and then the columns that
    give way, the last first.
    """
    natural = [_natural(column, [row[place] for row in rows]) for place, column in enumerate(columns)]
    least = [
        _least(column, size, rows, place) for place, (column, size) in enumerate(zip(columns, natural, strict=True))
    ]
    places = list(range(len(columns)))
    going = [place for place, column in enumerate(columns) if column.gives_way]
    is_framed = True
    while True:
        room = width - _between(len(places), is_framed=is_framed)
        if sum(least[place] for place in places) <= room:
            widths = _shared([natural[p] for p in places], [least[p] for p in places], room)
            return Fitted(tuple(places), tuple(widths), is_framed)
        if is_framed:
            is_framed = False
        elif going:
            places.remove(going.pop())
        else:
            return None


def cell_width(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _between(count: int, *, is_framed: bool) -> int:
    """Return how much room is between and around so many columns."""
    return 3 * count + 1 if is_framed else 2 * count


def _natural(column: Column, cells: Sequence[str]) -> int:
    return max(cell_width(column.header), *(cell_width(cell) for cell in cells))


def _least(column: Column, natural: int, rows: Sequence[Sequence[str]], place: int) -> int:
    word = max(map(len, column.header.split()), default=1)
    if column.is_whole:
        return max(word, *(cell_width(row[place]) for row in rows))
    return min(natural, max(word, _LEAST))


def _shared(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return widths between the least and the natural ones: the widest columns give first."""
    widths = list(natural)
    while (excess := sum(widths) - room) > 0:
        can = [place for place, size in enumerate(widths) if size > least[place]]
        widest = max(widths[place] for place in can)
        most = [place for place in can if widths[place] == widest]
        below = [max(widths[place], least[place]) for place in can if widths[place] < widest]
        step = widest - max([*below, *(least[place] for place in most)])
        step = max(1, min(step, -(-excess // len(most))))
        for place in most:
            widths[place] -= min(step, max(0, sum(widths) - room))
    return widths
