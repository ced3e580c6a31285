"""Parameters: one entry of the file becomes a group of jobs, files or user data."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torc_core.errors import InvalidInputError
from torc_core.spec.model import Parameterized
from torc_core.spec.problems import KeyPath, Problems, did_you_mean, show
from torc_core.spec.spec import Spec
from torc_core.spec.tables import ParameterTable
from torc_core.spec.templates import PARAMETER_NAME, Row, Template
from torc_core.spec.values import MAX_EXPANSION, Value, parse_values


@dataclass(slots=True)
class Group:
    """The items that one entry expands to: `rows[i]` are the parameter values of the item `names[i]` at `first + i`."""

    entry: int
    template: str
    parameters: tuple[str, ...]
    rows: Sequence[Row]
    names: list[str]
    first: int


@dataclass(slots=True)
class Expansion:
    """All groups, and the names of all parameters there are, used or not.

    `is_complete` is false if an entry could not be expanded, so that names may be missing.
    """

    jobs: list[Group] = field(default_factory=list)
    files: list[Group] = field(default_factory=list)
    user_data: list[Group] = field(default_factory=list)
    parameters: frozenset[str] = frozenset()
    is_complete: bool = True


def count_items(groups: Sequence[Group]) -> int:
    """Return the number of items of all groups."""
    return groups[-1].first + len(groups[-1].names) if groups else 0


def expand(spec: Spec, problems: Problems, warnings: Problems) -> Expansion:
    """Expand jobs, files and user data, in the order of the file, the first parameter slowest."""
    before = len(problems)
    expander = _Expander(spec, problems)
    expansion = Expansion(
        jobs=expander.expand("jobs", spec.body.jobs),
        files=expander.expand("files", spec.body.files or []),
        user_data=expander.expand("user_data", spec.body.user_data or []),
        parameters=frozenset(expander.names),
    )
    expansion.is_complete = len(problems) == before
    expander.warn_of_unused(warnings)
    return expansion


class _Expander:
    """Expands the lists of one file; notes which shared parameters are used."""

    def __init__(self, spec: Spec, problems: Problems) -> None:
        self.body, self.tables, self.problems = spec.body, spec.tables, problems
        self.names: set[str] = set()
        self.used: set[str] = set()
        self.is_table_used = False
        self.shared = self._parse_all(spec.body.parameters or {}, ("parameters",))

    def expand(self, key: str, entries: Sequence[Parameterized]) -> list[Group]:
        """Return one group for each entry that can be expanded."""
        groups: list[Group] = []
        total = 0
        for place, entry in enumerate(entries):
            path: KeyPath = (key, place)
            source = self._table_of(entry, path) if _names_table(entry) else self._values_of(entry, path)
            if source is None:
                continue
            total += source.count
            if total > MAX_EXPANSION:
                self.problems.add((key,), f"the parameters make at least {total} {key}; the most is {MAX_EXPANSION}")
                break
            template = Template(entry.name, source.parameters)
            rows = source.rows()
            try:
                names = [template.render(row) for row in rows] if template.parts else [entry.name] * len(rows)
            except InvalidInputError as error:
                self.problems.add((*path, "name"), error.message)
                continue
            groups.append(Group(place, entry.name, source.parameters, rows, names, count_items(groups)))
        return groups

    def warn_of_unused(self, warnings: Problems) -> None:
        """Add a warning for shared parameters, and a shared table, that no entry uses."""
        for name in self.shared:
            if name not in self.used:
                message = f"no entry uses the shared parameter {show(name)}; name it in use_parameters"
                warnings.add(("parameters", name), message)
        if self.body.parameters_file is not None and not self.is_table_used:
            warnings.add(("parameters_file",), "no entry uses the shared table; write use_parameters_file: true there")

    def _values_of(self, entry: Parameterized, path: KeyPath) -> "_Values | None":
        """Return values by parameter: the shared ones the entry uses, then its own. None after a problem."""
        before = len(self.problems)
        values: dict[str, list[Value]] = {}
        for place, name in enumerate(entry.use_parameters or []):
            if name in self.shared:
                values[name] = self.shared[name]
                self.used.add(name)
            elif name not in (self.body.parameters or {}):
                message = f"there is no shared parameter {show(name)}{did_you_mean(name, self.shared)}"
                self.problems.add((*path, "use_parameters", place), message)
        values |= self._parse_all(entry.parameters or {}, (*path, "parameters"))
        is_zip = entry.parameter_mode == "zip" and bool(values)
        if is_zip and len({len(column) for column in values.values()}) > 1:
            first, other = _unequal(values)
            self.problems.add(
                (*path, "parameter_mode"),
                f"zip needs equally many values: parameter {first!r} has {len(values[first])}, "
                f"but {other!r} has {len(values[other])}",
            )
        return _Values(values, is_zip=is_zip) if len(self.problems) == before else None

    def _table_of(self, entry: Parameterized, path: KeyPath) -> "_Rows | None":
        """Return the rows of the table that the entry names. None after a problem."""
        key = "use_parameters_file" if entry.parameters_file is None else "parameters_file"
        for other in ("parameters", "parameter_mode", "use_parameters", "use_parameters_file"):
            if other != key and getattr(entry, other):
                self.problems.add((*path, other), f"cannot stand beside {key}: each row of a table makes one item")
                return None
        name = entry.parameters_file or self.body.parameters_file
        if name is None:
            self.problems.add((*path, key), "the workflow has no parameters_file")
            return None
        is_shared = entry.parameters_file is None
        self.is_table_used = self.is_table_used or is_shared
        try:
            table = self.tables.get(name)
        except InvalidInputError as error:
            self.problems.add(("parameters_file",) if is_shared else (*path, key), error.message)
            return None
        self.names.update(table.columns)
        return _Rows(table)

    def _parse_all(self, written: Mapping[str, object], path: KeyPath) -> dict[str, list[Value]]:
        values: dict[str, list[Value]] = {}
        for name, value in written.items():
            self.names.add(name)
            if not PARAMETER_NAME.fullmatch(name):
                message = "a parameter's name has letters, digits, _ and -, and begins with a letter"
                self.problems.add((*path, name), message)
                continue
            try:
                values[name] = parse_values(value)
            except InvalidInputError as error:
                self.problems.add((*path, name), error.message)
        return values


class _Values:
    """Combinations of the values of parameters."""

    def __init__(self, values: Mapping[str, list[Value]], *, is_zip: bool) -> None:
        self.parameters = tuple(values)
        self.columns = list(values.values())
        self.is_zip = is_zip
        self.count = len(self.columns[0]) if is_zip else math.prod(map(len, self.columns))

    def rows(self) -> list[Row]:
        return list(zip(*self.columns, strict=True) if self.is_zip else itertools.product(*self.columns))


class _Rows:
    """Rows of a table."""

    def __init__(self, table: ParameterTable) -> None:
        self.parameters, self._rows, self.count = table.columns, table.rows, len(table.rows)

    def rows(self) -> list[Row]:
        return self._rows


def _names_table(entry: Parameterized) -> bool:
    return entry.parameters_file is not None or bool(entry.use_parameters_file)


def _unequal(values: Mapping[str, list[Value]]) -> tuple[str, str]:
    first = next(iter(values))
    return first, next(name for name in values if len(values[name]) != len(values[first]))
