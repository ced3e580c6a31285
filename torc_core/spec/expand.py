"""Parameters: one entry of the file becomes a group of jobs, files or user data."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torc_core.errors import InvalidInputError
from torc_core.spec.model import Parameterized
from torc_core.spec.problems import KeyPath, Problems, did_you_mean, show
from torc_core.spec.spec import Spec
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
    """All groups. `is_complete` is false if an entry could not be expanded, so that names may be missing."""

    jobs: list[Group] = field(default_factory=list)
    files: list[Group] = field(default_factory=list)
    user_data: list[Group] = field(default_factory=list)
    is_complete: bool = True


def count_items(groups: Sequence[Group]) -> int:
    """Return the number of items of all groups."""
    return groups[-1].first + len(groups[-1].names) if groups else 0


def expand(spec: Spec, problems: Problems) -> Expansion:
    """Expand jobs, files and user data, in the order of the file, the first parameter slowest."""
    before = len(problems)
    shared = _parse_all(spec.body.parameters or {}, ("parameters",), problems)
    expansion = Expansion(
        jobs=_expand_list("jobs", spec.body.jobs, shared, problems),
        files=_expand_list("files", spec.body.files or [], shared, problems),
        user_data=_expand_list("user_data", spec.body.user_data or [], shared, problems),
    )
    expansion.is_complete = len(problems) == before
    return expansion


def _expand_list(
    key: str, entries: Sequence[Parameterized], shared: Mapping[str, list[Value]], problems: Problems
) -> list[Group]:
    groups: list[Group] = []
    total = 0
    for place, entry in enumerate(entries):
        path: KeyPath = (key, place)
        values = _values_of(entry, path, shared, problems)
        if values is None:
            continue
        count = min(map(len, values.values())) if entry.parameter_mode == "zip" and values else _product(values)
        total += count
        if total > MAX_EXPANSION:
            problems.add((key,), f"the parameters make at least {total} {key}; the most is {MAX_EXPANSION}")
            break
        rows: list[Row] = list(
            zip(*values.values(), strict=True)
            if entry.parameter_mode == "zip" and values
            else itertools.product(*values.values())
        )
        template = Template(entry.name, tuple(values))
        try:
            names = [template.render(row) for row in rows]
        except InvalidInputError as error:
            problems.add((*path, "name"), error.message)
            continue
        groups.append(Group(place, entry.name, tuple(values), rows, names, count_items(groups)))
    return groups


def _product(values: Mapping[str, list[Value]]) -> int:
    return math.prod(len(column) for column in values.values())


def _values_of(
    entry: Parameterized, path: KeyPath, shared: Mapping[str, list[Value]], problems: Problems
) -> dict[str, list[Value]] | None:
    """Return values by parameter: the shared ones the entry uses, then its own. None after a problem."""
    before = len(problems)
    values: dict[str, list[Value]] = {}
    for place, name in enumerate(entry.use_parameters or []):
        if name in shared:
            values[name] = shared[name]
        else:
            message = f"there is no shared parameter {show(name)}{did_you_mean(name, shared)}"
            problems.add((*path, "use_parameters", place), message)
    values |= _parse_all(entry.parameters or {}, (*path, "parameters"), problems)
    if entry.parameter_mode == "zip" and len({len(column) for column in values.values()}) > 1:
        first, other = _unequal(values)
        problems.add(
            (*path, "parameter_mode"),
            f"zip needs equally many values: parameter {first!r} has {len(values[first])}, "
            f"but {other!r} has {len(values[other])}",
        )
    return values if len(problems) == before else None


def _unequal(values: Mapping[str, list[Value]]) -> tuple[str, str]:
    first = next(iter(values))
    return first, next(name for name in values if len(values[name]) != len(values[first]))


def _parse_all(written: Mapping[str, object], path: KeyPath, problems: Problems) -> dict[str, list[Value]]:
    values: dict[str, list[Value]] = {}
    for name, value in written.items():
        if not PARAMETER_NAME.fullmatch(name):
            message = "a parameter's name has letters, digits, _ and -, and begins with a letter"
            problems.add((*path, name), message)
            continue
        try:
            values[name] = parse_values(value)
        except InvalidInputError as error:
            problems.add((*path, name), error.message)
    return values
