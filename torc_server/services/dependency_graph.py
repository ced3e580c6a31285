"""Who waits for whom: a graph of jobs without circles, or the error that names the circle."""

from collections.abc import Callable, Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Final

from torc_core.errors import InvalidInputError

_NAMES_SHOWN: Final = 10


def check_no_circle(dependencies: Mapping[int, Collection[int]], name_of: Callable[[int], str]) -> None:
    """Raises InvalidInputError that names the jobs when some wait for each other, or one for itself."""
    sorter = TopologicalSorter(dependencies)
    try:
        sorter.prepare()
    except CycleError as error:
        raise _circle([name_of(job) for job in reversed(error.args[1])]) from None


def _circle(names: list[str]) -> InvalidInputError:
    if len(names) == 2:
        message = f"job {names[0]!r} waits for itself: it lists the same thing as input and as output, or its own name"
    else:
        shown = names if len(names) <= _NAMES_SHOWN else [*names[: _NAMES_SHOWN - 1], "…", names[-1]]
        message = f"these jobs wait for each other: {' → '.join(shown)}"
    return InvalidInputError(message, hint="remove one of these dependencies (depends_on, or a file or user data)")
