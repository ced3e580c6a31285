"""Numbers over all workflows, for monitoring."""

from collections.abc import Mapping

from torc_core.jobs.status import STATUS_BY_CODE
from torc_server.db.unit_of_work import UnitOfWork


def jobs_by_status(uow: UnitOfWork) -> Mapping[str, int]:
    """Return the number of jobs in each status, in workflows that are not archived."""
    rows = uow.rows(
        """
        SELECT j.status, COUNT(*) FROM job j JOIN workflow w ON w.id = j.workflow_id
        WHERE NOT w.is_archived GROUP BY j.status
        """
    )
    found = {str(STATUS_BY_CODE[status]): count for status, count in rows}
    return {str(status): found.get(str(status), 0) for status in STATUS_BY_CODE.values()}


def decisions_by_outcome(uow: UnitOfWork) -> list[tuple[str, str, int]]:
    """Return (kind of who answers for it, action, number) of all decisions that were not undone."""
    rows = uow.rows(
        """
        SELECT decided_by_kind, action, COUNT(*) FROM decision WHERE undone_at IS NULL
        GROUP BY decided_by_kind, action
        """
    )
    return [(row[0], row[1], row[2]) for row in rows]


def count_open_proposals(uow: UnitOfWork) -> int:
    """Return how many proposals were neither decided nor have expired."""
    return int(uow.value("SELECT COUNT(*) FROM proposal WHERE state = 'open' AND expires_at > :now", now=uow.now_text))


def count_active_runners(uow: UnitOfWork) -> int:
    return int(uow.value("SELECT COUNT(*) FROM compute_node WHERE is_active"))


def count_workflows(uow: UnitOfWork) -> Mapping[str, int]:
    """Return the number of workflows that are archived, canceled, and neither."""
    row = uow.row(
        """
        SELECT COALESCE(SUM(is_archived), 0), COALESCE(SUM(is_canceled AND NOT is_archived), 0),
            COALESCE(SUM(NOT is_canceled AND NOT is_archived), 0)
        FROM workflow
        """
    )
    archived, canceled, open_ones = row or (0, 0, 0)
    return {"archived": archived, "canceled": canceled, "open": open_ones}
