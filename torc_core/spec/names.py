"""Items found by name, by the template that made them, and by regular expression."""

from collections.abc import Sequence

from torc_core.errors import InvalidInputError
from torc_core.spec.expand import Group
from torc_core.spec.expressions import compile_search, exact_text
from torc_core.spec.problems import did_you_mean, show
from torc_core.spec.templates import Row


class Names:
    """Positions of all items of one kind. A name may belong to several; each stands at its own position."""

    def __init__(self, kind: str, groups: Sequence[Group]) -> None:
        self.kind = kind
        self._positions: dict[str, int] = {}
        # Few names are given twice: a list for each of a million names would take as much memory as the names.
        self._repeated: dict[str, list[int]] = {}
        for group in groups:
            for position, name in enumerate(group.names, group.first):
                first = self._positions.setdefault(name, position)
                if first != position:
                    self._repeated.setdefault(name, [first]).append(position)
        self._templates: dict[str, list[Group]] = {}
        for group in groups:
            if group.parameters:
                self._templates.setdefault(group.template, []).append(group)
        self._by_values: dict[tuple[str, tuple[str, ...]], dict[Row, list[int]]] = {}
        self._by_regex: dict[str, list[int]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._positions

    def repeated(self) -> dict[str, list[int]]:
        """Return the names that belong to several items."""
        return self._repeated

    def find(self, name: str, written: str, *, parameters: tuple[str, ...] = (), row: Row = ()) -> list[int]:
        """Return positions of `name`. `written` is the name before substitution, by the given parameters and values.

        If there is no such name and `written` is the template of an entry, its items are found whose values
        agree with `row` in the parameters both have: all items, if they share none.
        Raises InvalidInputError if nothing is found.
        """
        if (position := self._positions.get(name)) is not None:
            return self._repeated.get(name) or [position]
        positions = [
            position for group in self._templates.get(written, ()) for position in self._of(group, parameters, row)
        ]
        if not positions:
            known = [*self._templates, *self._positions]
            raise InvalidInputError(f"there is no {self.kind} {show(name)}{did_you_mean(name, known)}")
        return positions

    def match(self, pattern: str) -> list[int]:
        """Return positions of all names that hold a match somewhere. Raises InvalidInputError if there are none."""
        positions = self._by_regex.get(pattern)
        if positions is None:
            positions = self._by_regex[pattern] = self._search(pattern)
        if not positions:
            raise InvalidInputError(f"the regular expression {show(pattern)} matches no {self.kind}")
        return positions

    def _search(self, pattern: str) -> list[int]:
        if (text := exact_text(pattern)) is not None:
            return self._repeated.get(text) or [self._positions[text]] if text in self._positions else []
        search = compile_search(pattern)
        found = [name for name in self._positions if search(name)]
        return sorted(p for name in found for p in self._repeated.get(name) or (self._positions[name],))

    def _of(self, group: Group, parameters: tuple[str, ...], row: Row) -> list[int]:
        common = tuple(name for name in group.parameters if name in parameters)
        index = self._by_values.get((group.template, common))
        if index is None:
            index = self._by_values[group.template, common] = {}
            columns = [group.parameters.index(name) for name in common]
            for position, values in enumerate(group.rows, group.first):
                index.setdefault(tuple(values[column] for column in columns), []).append(position)
        return index.get(tuple(row[parameters.index(name)] for name in common), [])
