"""What a review binds to: the newest attempt it has seen, and the decisions made since a proposal."""

from collections.abc import Collection

from torc_core.api.failures import Actor
from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork


def newest_result(uow: UnitOfWork, workflow_id: int) -> int:
    """Return the id of the newest result of the workflow, 0 where there is none."""
    return int(uow.value("SELECT COALESCE(MAX(id), 0) FROM result WHERE workflow_id = :id", id=workflow_id))


def jobs_failed_after(uow: UnitOfWork, workflow_id: int, result_id: int) -> set[int]:
    """Return the jobs of the workflow with a result that is newer than this one."""
    rows = uow.rows(
        "SELECT DISTINCT job_id FROM result WHERE workflow_id = :id AND id > :newest", id=workflow_id, newest=result_id
    )
    return {row[0] for row in rows}


def decided_since(uow: UnitOfWork, job_ids: Collection[int], since: str) -> dict[int, tuple[str, str]]:
    """Return action and name of who answers for it, for the newest decision on each job that was made since."""
    rows = uow.rows(
        sql(
            """
            SELECT job_id, action, COALESCE(approved_by, actor) FROM decision
            WHERE job_id IN $ids AND undone_at IS NULL AND decided_at >= :since ORDER BY id
            """
        ),
        ids=id_list(job_ids),
        since=since,
    )
    return {row[0]: (row[1], Actor.model_validate_json(row[2]).name) for row in rows}
