"""Triggers of actions: how many of the jobs that gate them were counted, each job once a run."""

from collections import Counter
from collections.abc import Collection

from torc_server.db.dialect import larger
from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork


def has_actions(uow: UnitOfWork, workflow_id: int, trigger_type: str | None = None) -> bool:
    """Return whether the workflow has any action, or any with this trigger."""
    found = uow.row(
        """
        SELECT 1 FROM workflow_action
        WHERE workflow_id = :workflow_id AND (:kind IS NULL OR trigger_type = :kind) LIMIT 1
        """,
        workflow_id=workflow_id,
        kind=trigger_type,
    )
    return found is not None


def count_jobs(uow: UnitOfWork, workflow_id: int, trigger_type: str, job_ids: Collection[int]) -> None:
    """Count these jobs for the actions that they gate, unless they are counted already."""
    counted = Counter(
        uow.ids(
            sql(
                """
                UPDATE workflow_action_job SET counted = 1
                WHERE job_id IN $ids AND NOT counted AND action_id IN (
                    SELECT id FROM workflow_action WHERE workflow_id = :workflow_id AND trigger_type = :trigger_type
                )
                RETURNING action_id
                """
            ),
            ids=id_list(job_ids),
            workflow_id=workflow_id,
            trigger_type=trigger_type,
        )
    )
    uow.run_many(
        "UPDATE workflow_action SET trigger_count = trigger_count + ? WHERE id = ?",
        ((times, action_id) for action_id, times in counted.items()),
    )


def count_gates_anew(uow: UnitOfWork, workflow_id: int) -> None:
    """Let actions require the gating jobs that are left; an action without any is never due."""
    uow.run(
        sql(
            """
            UPDATE workflow_action SET trigger_count = gates.counted, required_triggers = $required
            FROM (
                SELECT a.id AS id, COUNT(g.job_id) AS n, COUNT(CASE WHEN g.counted THEN 1 END) AS counted
                FROM workflow_action a LEFT JOIN workflow_action_job g ON g.action_id = a.id
                WHERE a.workflow_id = :workflow_id AND a.trigger_type IN ('on_jobs_ready', 'on_jobs_complete')
                GROUP BY a.id
            ) AS gates
            WHERE workflow_action.id = gates.id
            """,
            required=larger("1", "gates.n"),
        ),
        workflow_id=workflow_id,
    )


def trigger(uow: UnitOfWork, workflow_id: int, trigger_type: str) -> None:
    """Make every action with this trigger due."""
    uow.run(
        """
        UPDATE workflow_action SET trigger_count = required_triggers
        WHERE workflow_id = :workflow_id AND trigger_type = :trigger_type
        """,
        workflow_id=workflow_id,
        trigger_type=trigger_type,
    )


def delete_recovery_actions(uow: UnitOfWork, workflow_id: int) -> None:
    uow.run("DELETE FROM workflow_action WHERE workflow_id = :id AND is_recovery", id=workflow_id)


def forget_counts(uow: UnitOfWork, workflow_id: int) -> None:
    """Let no gating job count any more."""
    uow.run(
        """
        UPDATE workflow_action_job SET counted = 0
        WHERE counted AND action_id IN (SELECT id FROM workflow_action WHERE workflow_id = :workflow_id)
        """,
        workflow_id=workflow_id,
    )


def uncount_unfinished(uow: UnitOfWork, workflow_id: int, job_ids: Collection[int]) -> None:
    """Let these jobs, which are not done any more, count for no action that was not claimed yet."""
    uow.run(
        sql(
            """
            UPDATE workflow_action_job SET counted = 0
            WHERE counted AND job_id IN $ids AND action_id IN (
                SELECT id FROM workflow_action
                WHERE workflow_id = :workflow_id AND trigger_type = 'on_jobs_complete' AND NOT executed
            )
            """
        ),
        ids=id_list(job_ids),
        workflow_id=workflow_id,
    )
    count_gates_anew(uow, workflow_id)
    uow.run(
        """
        UPDATE workflow_action SET trigger_count = 0
        WHERE workflow_id = :workflow_id AND trigger_type = 'on_workflow_complete' AND NOT executed
        """,
        workflow_id=workflow_id,
    )


def rearm(uow: UnitOfWork, workflow_id: int, *, all_actions: bool) -> None:
    """Make actions wait for their trigger again.

    Unless all are meant, executed ones stay so if the workflow's start triggered them, if every job that gates
    them is still done, or if its end triggered them and every job is still done.
    """
    uow.run(
        sql(
            """
            UPDATE workflow_action SET executed = 0, executed_at = NULL, executed_by = NULL, trigger_count = 0,
                claim = NULL, finished_at = NULL, outcome = NULL, return_code = NULL, failure = NULL, log = NULL
            WHERE workflow_id = :workflow_id AND (:all_actions OR NOT executed OR NOT (
                trigger_type = 'on_workflow_start'
                OR trigger_type IN ('on_jobs_ready', 'on_jobs_complete') AND NOT EXISTS (
                    SELECT 1 FROM workflow_action_job g JOIN job j ON j.id = g.job_id
                    WHERE g.action_id = workflow_action.id AND j.status NOT IN $DONE
                )
                OR trigger_type = 'on_workflow_complete' AND NOT EXISTS (
                    SELECT 1 FROM job j WHERE j.workflow_id = :workflow_id AND j.status NOT IN $DONE
                )
            ))
            """
        ),
        workflow_id=workflow_id,
        all_actions=all_actions,
    )


def count_anew(uow: UnitOfWork, workflow_id: int) -> None:
    """Count the gating jobs of all actions from their present statuses."""
    uow.run(
        sql(
            """
            UPDATE workflow_action_job SET counted = state.holds
            FROM (
                SELECT g.action_id, g.job_id, CASE a.trigger_type
                    WHEN 'on_jobs_complete' THEN j.status IN $DONE
                    ELSE j.status NOT IN ($UNINITIALIZED, $BLOCKED) END AS holds
                FROM workflow_action a
                $ordered_join workflow_action_job g ON g.action_id = a.id
                $ordered_join job j ON j.id = g.job_id
                WHERE a.workflow_id = :workflow_id
            ) AS state
            WHERE workflow_action_job.action_id = state.action_id AND workflow_action_job.job_id = state.job_id
            """
        ),
        workflow_id=workflow_id,
    )
    count_gates_anew(uow, workflow_id)
