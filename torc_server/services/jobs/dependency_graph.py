"""The check that jobs do not depend on each other in a circle."""

from collections.abc import Callable, Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from torc_core.errors import InvalidInputError
from torc_core.spec.graph import describe_cycle
from torc_server.db.queries.jobs.jobs import job_names
from torc_server.db.queries.runs.initialize import dependencies
from torc_server.db.unit_of_work import UnitOfWork


def check_dependencies(uow: UnitOfWork, workflow_id: int) -> None:
    """Raise InvalidInputError when stored jobs of the workflow depend on each other in a circle."""
    graph: dict[int, list[int]] = {}
    for job_id, depends_on_job_id in dependencies(uow, workflow_id):
        graph.setdefault(job_id, []).append(depends_on_job_id)
    check_no_circle(graph, lambda job_id: job_names(uow, [job_id])[job_id])


def check_no_circle(dependencies: Mapping[int, Collection[int]], name_of: Callable[[int], str]) -> None:
    """Raise InvalidInputError that names the jobs when some depend on each other, or one on itself."""
    sorter = TopologicalSorter(dependencies)
    try:
        sorter.prepare()
    except CycleError as error:
        raise _circle([name_of(job) for job in reversed(error.args[1])]) from None


def _circle(names: list[str]) -> InvalidInputError:
    """Return the names of a circle; the first one stands at the end again."""
    if len(names) == 2:
        message = f"job {names[0]!r} waits for itself: it lists the same thing as input and as output, or its own name"
    else:
        message = f"these jobs wait for each other: {describe_cycle(names[:-1])}"
    return InvalidInputError(message, hint="remove one of these dependencies (depends_on, or a file or user data)")
