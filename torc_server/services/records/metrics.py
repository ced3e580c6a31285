"""The state of the whole server in numbers, for monitoring."""

from collections.abc import Mapping
from typing import NamedTuple

from torc_server.db.queries.records import metrics as queries
from torc_server.db.unit_of_work import UnitOfWork


class ServerNumbers(NamedTuple):
    """Counts over all workflows; none of them names a workflow or a user."""

    jobs: Mapping[str, int]
    workflows: Mapping[str, int]
    decisions: list[tuple[str, str, int]]
    open_proposals: int
    active_runners: int


def server_numbers(uow: UnitOfWork) -> ServerNumbers:
    """Return the counts as they are now."""
    return ServerNumbers(
        jobs=queries.jobs_by_status(uow),
        workflows=queries.count_workflows(uow),
        decisions=queries.decisions_by_outcome(uow),
        open_proposals=queries.count_open_proposals(uow),
        active_runners=queries.count_active_runners(uow),
    )
