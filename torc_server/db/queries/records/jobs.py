"""Statements on the table of jobs for the services of other records."""

from torc_server.db.sql import sql
from torc_server.db.unit_of_work import UnitOfWork


def copy_requirements_to_jobs(uow: UnitOfWork, record_id: int) -> None:
    uow.run(
        """
        UPDATE job SET num_cpus = rr.num_cpus, num_gpus = rr.num_gpus, num_nodes = rr.num_nodes,
            memory_bytes = rr.memory_bytes, runtime_s = rr.runtime_s
        FROM resource_requirements rr
        WHERE rr.id = :record_id AND job.resource_requirements_id = rr.id
        """,
        record_id=record_id,
    )


def count_jobs_with_requirements(
    uow: UnitOfWork, *, record_id: int | None = None, workflow_id: int | None = None
) -> int:
    """Return how many jobs have this resource requirement, or any of the workflow."""
    count: int = uow.value(
        sql(
            """
            SELECT COUNT(*) FROM resource_requirements rr $ordered_join job j ON j.resource_requirements_id = rr.id
            WHERE rr.id = :record_id OR rr.workflow_id = :workflow_id
            """
        ),
        record_id=record_id,
        workflow_id=workflow_id,
    )
    return count


def count_jobs_held(uow: UnitOfWork, *, compute_node_id: int | None = None, workflow_id: int | None = None) -> int:
    """Return how many pending or running jobs this runner holds, or any runner of the workflow."""
    count: int = uow.value(
        sql(
            """
            SELECT COUNT(*) FROM compute_node n $ordered_join job j ON j.compute_node_id = n.id
            WHERE (n.id = :compute_node_id OR n.workflow_id = :workflow_id) AND j.status IN $ACTIVE
            """
        ),
        compute_node_id=compute_node_id,
        workflow_id=workflow_id,
    )
    return count
