"""Triggers of actions: how many of the jobs that gate them were counted, each job once a run."""

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

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
                WHERE job_id IN $ids AND NOT counted AND NOT left_out AND action_id IN (
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
    """Let actions require the gating jobs that are left and not left out; an action without any is never due."""
    uow.run(
        sql(
            """
            UPDATE workflow_action SET trigger_count = gates.counted, required_triggers = $required
            FROM (
                SELECT a.id AS id, COUNT(g.job_id) AS n, COUNT(CASE WHEN g.counted THEN 1 END) AS counted
                FROM workflow_action a LEFT JOIN workflow_action_job g ON g.action_id = a.id AND NOT g.left_out
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
    """Delete the actions that this run added; what they were to wait for gates the action of the workflow again."""
    uow.run("DELETE FROM workflow_action WHERE workflow_id = :id AND is_recovery", id=workflow_id)
    uow.run(
        """
        UPDATE workflow_action_job SET left_out = 0
        WHERE left_out AND action_id IN (SELECT id FROM workflow_action WHERE workflow_id = :id)
        """,
        id=workflow_id,
    )


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


def count_anew(uow: UnitOfWork, workflow_id: int, *, action_id: int | None = None) -> None:
    """Count the gating jobs of all actions, or of one, from their present statuses."""
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
                WHERE a.workflow_id = :workflow_id AND (:action_id IS NULL OR a.id = :action_id) AND NOT g.left_out
            ) AS state
            WHERE workflow_action_job.action_id = state.action_id AND workflow_action_job.job_id = state.job_id
            """
        ),
        workflow_id=workflow_id,
        action_id=action_id,
    )
    count_gates_anew(uow, workflow_id)


class LeftOut(NamedTuple):
    """An action for allocations that does not wait for `job_ids` any more; it has counted `counted` others."""

    action_id: int
    counted: int
    job_ids: list[int]


def has_partly_ready(uow: UnitOfWork, workflow_id: int) -> bool:
    """Return whether an action for allocations has counted some of its jobs and waits for others."""
    found = uow.row(
        """
        SELECT 1 FROM workflow_action
        WHERE workflow_id = :workflow_id AND trigger_type = 'on_jobs_ready' AND action_type = 'schedule_nodes'
            AND NOT executed AND NOT persistent AND trigger_count > 0 AND trigger_count < required_triggers
        LIMIT 1
        """,
        workflow_id=workflow_id,
    )
    return found is not None


def may_have_stuck_jobs(uow: UnitOfWork, workflow_id: int) -> bool:
    """Return whether a job was canceled or left out, or failed and waits for a decision: else none waits in vain."""
    found = uow.row(
        sql(
            """
            SELECT 1 WHERE EXISTS (SELECT 1 FROM job WHERE workflow_id = :workflow_id AND status = $CANCELED)
                OR EXISTS (SELECT 1 FROM job WHERE workflow_id = :workflow_id AND status = $DISABLED)
                OR EXISTS (SELECT 1 FROM job WHERE workflow_id = :workflow_id AND status IN $AWAITING_DECISION)
            """
        ),
        workflow_id=workflow_id,
    )
    return found is not None


def is_without_nodes(uow: UnitOfWork, workflow_id: int) -> bool:
    """Return whether nothing runs, no runner or allocation is there or may come, and no action asks for one."""
    found = uow.row(
        sql(
            """
            SELECT 1 WHERE EXISTS (SELECT 1 FROM job WHERE workflow_id = :workflow_id AND status IN $ACTIVE)
                OR EXISTS (SELECT 1 FROM compute_node WHERE workflow_id = :workflow_id AND is_active)
                OR EXISTS (
                    SELECT 1 FROM scheduled_compute_node
                    WHERE workflow_id = :workflow_id AND status IN ('submitting', 'pending', 'active')
                )
                OR EXISTS (
                    SELECT 1 FROM workflow_action
                    WHERE workflow_id = :workflow_id AND action_type = 'schedule_nodes'
                        AND NOT persistent
                        AND trigger_count >= required_triggers AND finished_at IS NULL
                )
            """
        ),
        workflow_id=workflow_id,
    )
    return found is None


def leave_out(uow: UnitOfWork, workflow_id: int, *, all_others: bool) -> list[LeftOut]:
    """Let actions for allocations, some of whose jobs are ready, wait no longer for the others.

    Unless all others are meant, only where none of them becomes ready by itself: each was canceled, or waits behind a
    failure that waits for a decision.
    """
    rows = uow.rows(
        sql(
            """
            WITH RECURSIVE held(id) AS (
                SELECT id FROM job WHERE workflow_id = :workflow_id AND status IN $AWAITING_DECISION
                UNION
                SELECT d.job_id FROM held
                $ordered_join job_depends_on d ON d.depends_on_job_id = held.id
                $ordered_join job j ON j.id = d.job_id AND j.status = $BLOCKED
            )
            UPDATE workflow_action_job SET left_out = 1
            WHERE NOT counted AND NOT left_out AND action_id IN (
                SELECT a.id FROM workflow_action a
                WHERE a.workflow_id = :workflow_id AND a.trigger_type = 'on_jobs_ready'
                    AND a.action_type = 'schedule_nodes' AND NOT a.executed AND NOT a.persistent
                    AND a.trigger_count > 0 AND a.trigger_count < a.required_triggers
                    AND EXISTS (
                        SELECT 1 FROM workflow_action_job g $ordered_join job j ON j.id = g.job_id
                        WHERE g.action_id = a.id AND g.counted AND j.status = $READY
                    )
                    AND (:all_others OR NOT EXISTS (
                        SELECT 1 FROM workflow_action_job g $ordered_join job j ON j.id = g.job_id
                        WHERE g.action_id = a.id AND NOT g.counted AND NOT g.left_out
                            AND j.status NOT IN $DONE AND j.id NOT IN (SELECT id FROM held)
                    ))
            )
            RETURNING action_id, job_id
            """
        ),
        workflow_id=workflow_id,
        all_others=all_others,
    )
    left: dict[int, list[int]] = {}
    for action_id, job_id in rows:
        left.setdefault(action_id, []).append(job_id)
    if not left:
        return []
    count_gates_anew(uow, workflow_id)
    rows = uow.rows(sql("SELECT id, trigger_count FROM workflow_action WHERE id IN $ids"), ids=id_list(left))
    return [LeftOut(row[0], row[1], sorted(left[row[0]])) for row in rows]
