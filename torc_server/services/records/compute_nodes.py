"""Runners (compute nodes), the allocations they may run in, and configurations of schedulers."""

from datetime import datetime
from typing import Any, Final

from torc_core.api.base import Page
from torc_core.api.nodes import ComputeNodeModel, Heartbeat, ScheduledComputeNodeModel
from torc_core.api.schedulers import LocalSchedulerModel, SlurmSchedulerModel
from torc_core.api.system import DeleteCount
from torc_core.errors import InvalidInputError, StateConflictError
from torc_core.hints import Hint, torc
from torc_core.slurm.quantities import count_array_tasks
from torc_server.db.queries.access.tokens import delete_of_runners
from torc_server.db.queries.jobs.runners import note_heartbeat, registered_runner
from torc_server.db.queries.records.base import RecordStore, json_field_equals
from torc_server.db.queries.records.jobs import count_jobs_held
from torc_server.db.tables.runners import ComputeNode, LocalScheduler, ScheduledComputeNode, SlurmScheduler
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.actions import release_actions
from torc_server.services.records.base import Records
from torc_server.services.records.foreign import ALLOCATIONS, SCHEDULERS
from torc_server.services.records.lookup import find_runner
from torc_server.services.records.paging import PageRequest
from torc_server.services.records.partly_ready_actions import make_partly_ready_due

COMPUTE_NODES: Final = Records(
    RecordStore(ComputeNode),
    ComputeNodeModel,
    noun="compute node",
    defaults={"is_active": True},
    references={"scheduler_config_id": SCHEDULERS},
)
SCHEDULED_NODES: Final = Records(
    RecordStore(ScheduledComputeNode),
    ScheduledComputeNodeModel,
    noun="scheduled compute node",
    references={"scheduler_config_id": SCHEDULERS, "array_record_id": ALLOCATIONS},
)
SLURM_SCHEDULERS: Final = Records(RecordStore(SlurmScheduler), SlurmSchedulerModel, noun="Slurm scheduler")
LOCAL_SCHEDULERS: Final = Records(RecordStore(LocalScheduler), LocalSchedulerModel, noun="local scheduler")

_STAGES: Final = ("submitting", "pending", "active")
"""Statuses of an allocation that has not ended, in their order."""


def create_compute_node(uow: UnitOfWork, record: ComputeNodeModel) -> ComputeNodeModel:
    """Create the record of a runner; a registration that is known is answered with the record that it has."""
    if record.registration is not None and (known := registered_runner(uow, record.workflow_id, record.registration)):
        return get_compute_node(uow, known)
    node = COMPUTE_NODES.create(uow, record, derived=_heartbeat_columns(uow, record))
    uow.announce(node.workflow_id, "compute_node_started", severity="info", data=_described(node))
    return node


def update_compute_node(uow: UnitOfWork, record_id: int, record: ComputeNodeModel) -> ComputeNodeModel:
    """Update the fields that are given; announce a runner that is no longer active.

    Raises InvalidInputError for another registration: a repetition of the first would create a second record.
    """
    before = COMPUTE_NODES.get(uow, record_id)
    if record.registration not in (None, before.registration):
        raise InvalidInputError(
            f"the registration of compute node {record_id} cannot be changed", ids={"compute_node_id": record_id}
        )
    node = COMPUTE_NODES.update(uow, record_id, record, derived=_heartbeat_columns(uow, record))
    if before.is_active and not node.is_active:
        release_actions(uow, [record_id])
        delete_of_runners(uow, [record_id])
        uow.announce(node.workflow_id, "compute_node_stopped", severity="info", data=_described(node))
        make_partly_ready_due(uow, node.workflow_id)
    return node


def hear_compute_node(uow: UnitOfWork, record_id: int) -> Heartbeat:
    """Record a heartbeat of the runner. Raises StateConflictError for one whose jobs were reclaimed."""
    if not note_heartbeat(uow, record_id):
        find_runner(uow, COMPUTE_NODES.get(uow, record_id).workflow_id, record_id)
    return Heartbeat(compute_node_id=record_id, heard_at=uow.now_text)


def get_compute_node(uow: UnitOfWork, record_id: int) -> ComputeNodeModel:
    return _with_age(uow, COMPUTE_NODES.get(uow, record_id))


def delete_compute_node(uow: UnitOfWork, record_id: int) -> ComputeNodeModel:
    """Delete the runner's record. Refused while it holds jobs: they could not be reclaimed without it."""
    node = COMPUTE_NODES.get(uow, record_id)
    _refuse_when_busy(count_jobs_held(uow, compute_node_id=record_id), f"compute node {record_id}")
    COMPUTE_NODES.delete(uow, record_id)
    return node


def delete_compute_nodes(uow: UnitOfWork, workflow_id: int) -> DeleteCount:
    _refuse_when_busy(count_jobs_held(uow, workflow_id=workflow_id), f"the compute nodes of workflow {workflow_id}")
    return COMPUTE_NODES.delete_all(uow, workflow_id)


def list_compute_nodes(
    uow: UnitOfWork,
    workflow_id: int,
    page: PageRequest,
    *,
    hostname: str | None,
    is_active: bool | None,
    scheduled_compute_node_id: int | None,
) -> Page[ComputeNodeModel]:
    """List runners by host, by whether they are active, or by the scheduler's job id they run in."""
    conditions = COMPUTE_NODES.store.where(workflow_id, equals={"hostname": hostname, "is_active": is_active})
    if scheduled_compute_node_id is not None:
        scheduler = COMPUTE_NODES.store.table.c.scheduler
        conditions.append(json_field_equals(scheduler, "scheduler_id", scheduled_compute_node_id))
    nodes = COMPUTE_NODES.list_where(uow, workflow_id, page, conditions)
    return nodes.model_copy(update={"items": [_with_age(uow, node) for node in nodes.items]})


def create_scheduled_compute_node(uow: UnitOfWork, record: ScheduledComputeNodeModel) -> ScheduledComputeNodeModel:
    """Create the record of an allocation; a submission that is known is answered with the record that it has."""
    if record.submission is not None:
        of_submission = SCHEDULED_NODES.store.where(record.workflow_id, equals={"submission": record.submission})
        known = SCHEDULED_NODES.list_where(uow, record.workflow_id, PageRequest(limit=1), of_submission).items
        if known:
            return known[0]
    node = SCHEDULED_NODES.create(uow, record)
    if node.array_record_id is not None:
        _note_task(uow, node.workflow_id, node.array_record_id)
    data = {"scheduled_compute_node_id": node.id, "scheduler_id": node.scheduler_id, "status": node.status}
    uow.announce(node.workflow_id, "scheduler_node_created", severity="info", data=data)
    return node


def _note_task(uow: UnitOfWork, workflow_id: int, array_record_id: int) -> None:
    """Complete the record of an array all of whose tasks have begun: each has a record of its own now."""
    array = SCHEDULED_NODES.get(uow, array_record_id)
    tasks = SCHEDULED_NODES.store.where(workflow_id, equals={"array_record_id": array_record_id})
    begun = SCHEDULED_NODES.list_where(uow, workflow_id, PageRequest(limit=0), tasks).total_count
    if array.array is not None and begun >= count_array_tasks(array.array):
        SCHEDULED_NODES.store.update(uow, array_record_id, {"status": "complete"})


def update_scheduled_compute_node(
    uow: UnitOfWork, record_id: int, record: ScheduledComputeNodeModel
) -> ScheduledComputeNodeModel:
    """Update the fields that are given.

    The status of an allocation only goes on: who submitted it, or a runner in it, may be late with what it knows.
    """
    before = SCHEDULED_NODES.get(uow, record_id)
    if record.status in _STAGES and _STAGES.index(record.status) < _stage(before.status):
        record = record.model_copy(update={"status": before.status})
    node = SCHEDULED_NODES.update(uow, record_id, record)
    if node.status != before.status:
        make_partly_ready_due(uow, node.workflow_id)
    return node


def delete_scheduled_compute_node(uow: UnitOfWork, record_id: int) -> ScheduledComputeNodeModel:
    node = SCHEDULED_NODES.delete(uow, record_id)
    make_partly_ready_due(uow, node.workflow_id)
    return node


def _stage(status: str | None) -> int:
    """Return how far an allocation of the status is; one of any other status has ended."""
    return _STAGES.index(status) if status in _STAGES else len(_STAGES)


def _heartbeat_columns(uow: UnitOfWork, record: ComputeNodeModel) -> dict[str, str]:
    """Return the columns of a heartbeat: its time is the server's, as clocks of runners differ."""
    return {} if record.last_heartbeat is None else {"last_heartbeat": uow.now_text}


def _with_age(uow: UnitOfWork, node: ComputeNodeModel) -> ComputeNodeModel:
    if node.last_heartbeat is None:
        return node
    heard = datetime.fromisoformat(node.last_heartbeat)
    if uow.settings.listening_since is not None:
        heard = max(heard, uow.settings.listening_since)
    return node.model_copy(update={"heartbeat_age_s": max(0.0, (uow.now - heard).total_seconds())})


def _described(node: ComputeNodeModel) -> dict[str, Any]:
    return {"compute_node_id": node.id, "hostname": node.hostname, "compute_node_type": node.compute_node_type}


def _refuse_when_busy(job_count: int, what: str) -> None:
    if job_count:
        raise StateConflictError(
            f"{job_count} pending or running jobs are held by {what}",
            hint=Hint("reclaim the jobs first: `{}`, or `{}`", torc("workflows sync-status"), torc("cancel")),
        )
