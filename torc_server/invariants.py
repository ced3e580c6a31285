"""Rules that must hold in the database between any two transactions."""

from typing import Final

from torc_server.db.sql import sql
from torc_server.db.unit_of_work import UnitOfWork

_RULES: Final[tuple[tuple[str, str], ...]] = (
    (
        "the counter of unresolved dependencies is right",
        """
        SELECT w.id, w.unresolved_dependencies, COUNT(u.id) FROM job w
        LEFT JOIN job_depends_on d ON d.job_id = w.id
        LEFT JOIN job u ON u.id = d.depends_on_job_id AND u.status NOT IN $DONE
        GROUP BY w.id HAVING w.unresolved_dependencies <> COUNT(u.id)
        """,
    ),
    (
        "no job is ready with unresolved dependencies",
        "SELECT id FROM job WHERE status = $READY AND unresolved_dependencies > 0",
    ),
    (
        "no job is blocked without unresolved dependencies",
        "SELECT id FROM job WHERE status = $BLOCKED AND unresolved_dependencies = 0",
    ),
    (
        "a blocked job that asks for it was canceled when a dependency ended without success",
        """
        SELECT j.id, u.id FROM job j
        JOIN job_depends_on d ON d.job_id = j.id JOIN job u ON u.id = d.depends_on_job_id
        WHERE j.status = $BLOCKED AND j.cancel_on_blocking_job_failure AND u.status IN $UNSUCCESSFUL
        """,
    ),
    (
        "only pending and running jobs are held by a runner, and running ones have a start time",
        """
        SELECT id, status, compute_node_id, start_time FROM job
        WHERE (compute_node_id IS NOT NULL AND status NOT IN $ACTIVE)
            OR (status = $RUNNING AND start_time IS NULL)
            OR (start_time IS NOT NULL AND status <> $RUNNING)
        """,
    ),
    (
        "a job is held by a runner of its workflow",
        """
        SELECT j.id, j.compute_node_id FROM job j LEFT JOIN compute_node n ON n.id = j.compute_node_id
        WHERE j.compute_node_id IS NOT NULL AND (n.id IS NULL OR n.workflow_id <> j.workflow_id)
        """,
    ),
    (
        "jobs carry the amounts of their requirement",
        """
        SELECT j.id, r.id FROM job j JOIN resource_requirements r ON r.id = j.resource_requirements_id
        WHERE (j.num_cpus, j.num_gpus, j.num_nodes, j.memory_bytes, j.runtime_s, j.workflow_id)
            <> (r.num_cpus, r.num_gpus, r.num_nodes, r.memory_bytes, r.runtime_s, r.workflow_id)
        """,
    ),
    (
        "jobs depend only on jobs of their workflow",
        """
        SELECT j.id, u.id FROM job_depends_on d
        JOIN job j ON j.id = d.job_id JOIN job u ON u.id = d.depends_on_job_id WHERE j.workflow_id <> u.workflow_id
        """,
    ),
    (
        "an attempt has one result, of the job's workflow and of no future run",
        """
        SELECT r.job_id, r.run_id, r.attempt_id FROM result r
        JOIN job j ON j.id = r.job_id JOIN workflow w ON w.id = j.workflow_id
        GROUP BY r.job_id, r.run_id, r.attempt_id
        HAVING COUNT(*) > 1 OR MAX(r.workflow_id <> j.workflow_id) OR MAX(r.run_id > w.run_id)
        """,
    ),
    (
        "the attempt that a job is in, or will be in, has no result yet",
        """
        SELECT j.id, j.status, j.attempt_id FROM job j JOIN workflow w ON w.id = j.workflow_id
        JOIN result r ON r.job_id = j.id AND r.run_id = w.run_id AND r.attempt_id >= j.attempt_id
        WHERE j.status IN ($BLOCKED, $READY, $PENDING, $RUNNING)
        """,
    ),
    (
        "the newest result of a completed or terminated job says so too",
        """
        SELECT j.id, j.status, r.status FROM job j JOIN result r ON r.job_id = j.id
        WHERE j.status IN ($COMPLETED, $TERMINATED) AND r.status <> j.status AND NOT EXISTS (
            SELECT 1 FROM result n WHERE n.job_id = j.id AND (n.run_id, n.attempt_id) > (r.run_id, r.attempt_id)
        )
        """,
    ),
    (
        "each attempt or claim that was lost was followed by another",
        """
        SELECT id FROM job
        WHERE infrastructure_faults < 0 OR lost_claims < 0 OR infrastructure_faults + lost_claims >= attempt_id
        """,
    ),
    (
        "an action has counted the gating jobs that it has counted",
        """
        SELECT a.id, a.trigger_count FROM workflow_action a
        LEFT JOIN workflow_action_job g ON g.action_id = a.id AND g.counted
        WHERE a.trigger_type IN ('on_jobs_ready', 'on_jobs_complete')
        GROUP BY a.id HAVING a.trigger_count <> COUNT(g.job_id)
        """,
    ),
    (
        "an action has not counted a job that it does not wait for",
        "SELECT action_id, job_id FROM workflow_action_job WHERE counted AND left_out",
    ),
    (
        "a decision and a proposal are about jobs of their workflow and of no future run",
        """
        SELECT 'decision', d.id FROM decision d JOIN job j ON j.id = d.job_id JOIN workflow w ON w.id = d.workflow_id
        WHERE d.workflow_id <> j.workflow_id OR d.run_id > w.run_id
        UNION ALL
        SELECT 'proposal', p.id FROM proposal p JOIN proposal_item i ON i.proposal_id = p.id
        JOIN job j ON j.id = i.job_id JOIN workflow w ON w.id = p.workflow_id
        WHERE i.run_id > w.run_id OR (i.status <> 'skipped' AND j.workflow_id <> p.workflow_id)
        """,
    ),
    (
        "each applied entry of a proposal is a decision, and nothing of an approved proposal waits",
        """
        SELECT p.id, i.job_id FROM proposal p JOIN proposal_item i ON i.proposal_id = p.id
        WHERE (i.status = 'would_apply' AND p.state = 'approved')
            OR (i.status = 'applied') <> EXISTS (
                SELECT 1 FROM decision d WHERE d.proposal_id = p.id AND d.job_id = i.job_id
            )
        """,
    ),
)


def check(uow: UnitOfWork) -> list[str]:
    """Return one line for each record that breaks a rule, with its ids; none when all rules hold."""
    return [f"{rule}: broken by {tuple(row)}" for rule, statement in _RULES for row in uow.rows(sql(statement))]
