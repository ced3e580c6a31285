"""The state of runners, as far as the lifecycle of jobs depends on it."""

import json
from collections.abc import Collection
from typing import NamedTuple

from torc_server.db.dialect import json_field
from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork


class NodeState(NamedTuple):
    id: int
    workflow_id: int
    hostname: str
    compute_node_type: str
    is_active: bool
    scheduler_job_id: str | None


def node_states(uow: UnitOfWork, compute_node_ids: Collection[int]) -> dict[int, NodeState]:
    """Return the state of each of the runners that exist, by id."""
    rows = uow.rows(
        sql(
            """
            SELECT id, workflow_id, hostname, compute_node_type, is_active, $slurm_job_id
            FROM compute_node WHERE id IN $ids
            """,
            slurm_job_id=json_field("scheduler", "slurm_job_id"),
        ),
        ids=id_list(compute_node_ids),
    )
    return {row[0]: _state(*row) for row in rows}


def _state(
    node_id: int, workflow_id: int, hostname: str, kind: str, is_active: int, scheduler_job_id: object
) -> NodeState:
    job = None if scheduler_job_id is None else str(scheduler_job_id)
    return NodeState(node_id, workflow_id, hostname, kind, bool(is_active), job)


def registered_runner(uow: UnitOfWork, workflow_id: int, registration: str) -> int | None:
    """Return the id of the runner that registered with this key."""
    found: int | None = uow.value(
        "SELECT id FROM compute_node WHERE workflow_id = :workflow_id AND registration = :registration",
        workflow_id=workflow_id,
        registration=registration,
    )
    return found


def active_runners(uow: UnitOfWork, workflow_id: int) -> list[tuple[str | None, frozenset[str]]]:
    """Return end time and labels of each active runner."""
    rows = uow.rows("SELECT end_time, labels FROM compute_node WHERE workflow_id = :id AND is_active", id=workflow_id)
    return [(row[0], frozenset(json.loads(row[1]) if row[1] else ())) for row in rows]


def note_heartbeat(uow: UnitOfWork, compute_node_id: int) -> bool:
    """Store the time of an active runner's heartbeat; return whether the runner is active."""
    return (
        uow.run(
            "UPDATE compute_node SET last_heartbeat = :now WHERE id = :id AND is_active",
            now=uow.now_text,
            id=compute_node_id,
        )
        == 1
    )


def deactivate(uow: UnitOfWork, compute_node_ids: Collection[int]) -> list[int]:
    """Mark runners as inactive; return the ids of those that were active."""
    return uow.ids(
        sql("UPDATE compute_node SET is_active = 0 WHERE id IN $ids AND is_active RETURNING id"),
        ids=id_list(compute_node_ids),
    )
