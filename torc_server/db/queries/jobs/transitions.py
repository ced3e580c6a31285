"""The only statements that write `job.status`, and the counters that follow it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from torc_core.jobs.lifecycle import Event
from torc_core.jobs.status import STATUS_CODES, JobStatus
from torc_server.db.sql import id_list, sql, status_list
from torc_server.db.unit_of_work import UnitOfWork

_FREE: Final = "compute_node_id = NULL, start_time = NULL"
_ALONG: Final[Mapping[Event, str]] = {
    Event.CLAIM: (
        "compute_node_id = :owner, start_time = NULL, last_attempt = attempt_id, "
        "last_attempt_run = (SELECT run_id FROM workflow WHERE workflow.id = job.workflow_id)"
    ),
    Event.START: "compute_node_id = :owner, start_time = :now",
    Event.RETRY: f"{_FREE}, attempt_id = attempt_id + 1, origin = COALESCE(origin, 'retry')",
    Event.RESET: f"{_FREE}, origin = NULLIF(origin, 'retry')",
}
"""The columns that change in the same row; after every other event no runner holds the job."""


def move_jobs(
    uow: UnitOfWork,
    event: Event,
    *,
    job_ids: Collection[int],
    sources: Iterable[JobStatus],
    target: JobStatus,
    owner: int | None,
) -> list[int]:
    """Move those of `job_ids` that are in `sources` now; return their ids.

    The condition on the status is part of the statement: of two requests that move the same job, one finds it moved.
    """
    statement = sql(
        "UPDATE job SET status = :target, $along WHERE id IN $ids AND status IN $sources RETURNING id",
        along=_ALONG.get(event, _FREE),
        sources=status_list(sources),
    )
    return uow.ids(statement, ids=id_list(job_ids), target=STATUS_CODES[target], owner=owner, now=uow.now_text)


def add_unresolved(uow: UnitOfWork, dependency_ids: Collection[int], delta: int) -> None:
    """Add `delta` to the counter of every dependent, once for each of the dependencies it has among these."""
    uow.run(
        sql(
            """
            UPDATE job SET unresolved_dependencies = unresolved_dependencies + :delta * waiting.n
            FROM (SELECT job_id, COUNT(*) AS n FROM job_depends_on WHERE depends_on_job_id IN $ids GROUP BY job_id)
                AS waiting
            WHERE job.id = waiting.job_id
            """
        ),
        ids=id_list(dependency_ids),
        delta=delta,
    )


def count_unresolved_anew(uow: UnitOfWork, workflow_id: int) -> None:
    """Count the unresolved dependencies of every job of the workflow from the dependencies themselves."""
    uow.run(
        sql(
            """
            UPDATE job SET unresolved_dependencies = counted.n
            FROM (
                SELECT w.id AS id, COUNT(u.id) AS n
                FROM job w
                LEFT JOIN job_depends_on d ON d.job_id = w.id
                LEFT JOIN job u ON u.id = d.depends_on_job_id AND u.status NOT IN $DONE
                WHERE w.workflow_id = :workflow_id
                GROUP BY w.id
            ) AS counted
            WHERE job.id = counted.id AND job.unresolved_dependencies <> counted.n
            """
        ),
        workflow_id=workflow_id,
    )


def forget_faults(uow: UnitOfWork, job_ids: Collection[int]) -> None:
    uow.run(
        sql(
            """
            UPDATE job SET infrastructure_faults = 0, lost_claims = 0, is_suspect = 0
            WHERE id IN $ids AND (infrastructure_faults <> 0 OR lost_claims <> 0 OR is_suspect)
            """
        ),
        ids=id_list(job_ids),
    )


def skip_attempt(uow: UnitOfWork, job_ids: Collection[int]) -> None:
    """Give the jobs the next attempt number; nobody is to blame for the skipped one."""
    uow.run(
        sql("UPDATE job SET attempt_id = attempt_id + 1, lost_claims = lost_claims + 1 WHERE id IN $ids"),
        ids=id_list(job_ids),
    )


def mark_suspects(uow: UnitOfWork, job_ids: Collection[int], *, is_suspect: bool) -> None:
    uow.run(
        sql("UPDATE job SET is_suspect = :is_suspect WHERE id IN $ids"), ids=id_list(job_ids), is_suspect=is_suspect
    )


def add_fault(uow: UnitOfWork, job_ids: Collection[int]) -> None:
    uow.run(
        sql("UPDATE job SET infrastructure_faults = infrastructure_faults + 1 WHERE id IN $ids"), ids=id_list(job_ids)
    )


def dependents_to_cancel(uow: UnitOfWork, dependency_ids: Collection[int]) -> list[int]:
    """Return the blocked jobs that the unsuccessful ones of these dependencies cancel, transitively."""
    return uow.ids(
        sql(
            """
            WITH RECURSIVE canceled(id) AS (
                SELECT j.id
                FROM job u
                $ordered_join job_depends_on d ON d.depends_on_job_id = u.id
                $ordered_join job j ON j.id = d.job_id
                WHERE u.id IN $ids AND u.status IN $UNSUCCESSFUL
                    AND j.status = $BLOCKED AND j.cancel_on_blocking_job_failure
                UNION
                SELECT j.id
                FROM canceled
                $ordered_join job_depends_on d ON d.depends_on_job_id = canceled.id
                $ordered_join job j ON j.id = d.job_id
                WHERE j.status = $BLOCKED AND j.cancel_on_blocking_job_failure
            )
            SELECT id FROM canceled
            """
        ),
        ids=id_list(dependency_ids),
    )


def canceled_behind(uow: UnitOfWork, dependency_ids: Collection[int]) -> list[int]:
    """Return the jobs that were canceled because these dependencies failed, transitively: those without an attempt."""
    return uow.ids(
        sql(
            """
            WITH RECURSIVE canceled(id) AS (
                SELECT value FROM $ids
                UNION
                SELECT j.id
                FROM canceled
                $ordered_join job_depends_on d ON d.depends_on_job_id = canceled.id
                $ordered_join job j ON j.id = d.job_id
                WHERE j.status = $CANCELED AND j.cancel_on_blocking_job_failure AND NOT EXISTS (
                    SELECT 1 FROM result r
                    WHERE r.job_id = j.id AND r.attempt_id = j.attempt_id
                        AND r.run_id = (SELECT run_id FROM workflow WHERE id = j.workflow_id)
                )
            )
            SELECT id FROM canceled WHERE id NOT IN $ids
            """
        ),
        ids=id_list(dependency_ids),
    )


def dependencies_of(uow: UnitOfWork, job_ids: Collection[int]) -> list[int]:
    return uow.ids(
        sql("SELECT DISTINCT depends_on_job_id FROM job_depends_on WHERE job_id IN $ids"), ids=id_list(job_ids)
    )


def dependents_of(uow: UnitOfWork, job_ids: Collection[int]) -> list[int]:
    """Return every job that depends on one of these, transitively, but for disabled and uninitialized ones."""
    return uow.ids(
        sql(
            """
            WITH RECURSIVE dependent(id) AS (
                SELECT job_id FROM job_depends_on WHERE depends_on_job_id IN $ids
                UNION
                SELECT d.job_id FROM dependent $ordered_join job_depends_on d ON d.depends_on_job_id = dependent.id
            )
            SELECT dependent.id FROM dependent $ordered_join job ON job.id = dependent.id
            WHERE job.status NOT IN ($UNINITIALIZED, $DISABLED)
            """
        ),
        ids=id_list(job_ids),
    )


def releasable_behind(uow: UnitOfWork, dependency_ids: Collection[int]) -> list[int]:
    """Return the blocked direct dependents whose dependencies are all done."""
    return uow.ids(
        sql(
            """
            SELECT DISTINCT j.id
            FROM job_depends_on d $ordered_join job j ON j.id = d.job_id
            WHERE d.depends_on_job_id IN $ids AND j.status = $BLOCKED AND j.unresolved_dependencies = 0
            """
        ),
        ids=id_list(dependency_ids),
    )


def ready_too_early(uow: UnitOfWork, job_ids: Collection[int]) -> list[int]:
    """Return those of the jobs and of their direct dependents that are ready with unresolved dependencies."""
    return uow.ids(
        sql(
            """
            SELECT id FROM job WHERE id IN $ids AND status = $READY AND unresolved_dependencies > 0
            UNION
            SELECT j.id
            FROM job_depends_on d $ordered_join job j ON j.id = d.job_id
            WHERE d.depends_on_job_id IN $ids AND j.status = $READY AND j.unresolved_dependencies > 0
            """
        ),
        ids=id_list(job_ids),
    )
