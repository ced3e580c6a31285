"""The record of the allocation that a process runs in."""

import re
from collections.abc import Mapping
from typing import Final

from torc_client.http import TorcClient
from torc_client.recovery.allocations import SUBMITTING, record_submission
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.errors import NotFoundError
from torc_core.slurm.environment import ALLOCATION_VARIABLE

_ARRAY_VARIABLE: Final = "SLURM_ARRAY_JOB_ID"
_TASK_VARIABLE: Final = "SLURM_ARRAY_TASK_ID"
_NAME_VARIABLE: Final = "SLURM_JOB_NAME"
_CLUSTER_VARIABLE: Final = "SLURM_CLUSTER_NAME"
_KEY: Final = re.compile(r"torc-wf(\d{1,15})-(\d{1,15})-[0-9a-f]{8}", re.ASCII)
"""The name that `allocation_key` gives: workflow and record."""


def begin_own_allocation(
    client: TorcClient, workflow_id: int, environment: Mapping[str, str]
) -> ScheduledComputeNodeModel | None:
    """Return the record of this allocation, active from now on; None outside of one that Torc submitted.

    A task of an array gets a record of its own; `scheduler_config_id` of either names the scheduler. May be called
    again, also by the runners of other nodes of the same allocation.
    """
    own = _number(environment, ALLOCATION_VARIABLE)
    if own is None:
        return None
    array = _number(environment, _ARRAY_VARIABLE)
    submitted = _find_submitted(client, workflow_id, environment, array or own)
    if submitted is None:
        return None
    if array is None:
        return _activate(client, submitted)
    # the runners of all nodes of a task come here: under this name the server has one record for all of them
    task = ScheduledComputeNodeModel(
        workflow_id=workflow_id,
        scheduler_id=own,
        scheduler_config_id=submitted.scheduler_config_id,
        scheduler_type=submitted.scheduler_type,
        status="active",
        cluster=submitted.cluster,
        array_record_id=submitted.id,
        submission=f"task:{submitted.id}:{environment.get(_TASK_VARIABLE, own)}",
    )
    return client.scheduled_compute_nodes.create(task)


def _find_submitted(
    client: TorcClient, workflow_id: int, environment: Mapping[str, str], scheduler_id: int
) -> ScheduledComputeNodeModel | None:
    """Return the record of what was submitted; an allocation may begin before its submission is recorded."""
    key = _KEY.fullmatch(environment.get(_NAME_VARIABLE, ""))
    if key is not None and int(key[1]) == workflow_id:
        try:
            record = client.scheduled_compute_nodes.get(int(key[2]))
        except NotFoundError:
            pass
        else:
            if record.status == SUBMITTING:
                return record_submission(client, record, scheduler_id)
            if record.scheduler_id == scheduler_id:
                return record
    known = client.scheduled_compute_nodes.list_all(workflow_id=workflow_id, scheduler_id=scheduler_id)
    cluster = environment.get(_CLUSTER_VARIABLE)
    same = [each for each in known if each.cluster in (None, cluster) and each.array_record_id is None]
    return same[0] if same else None


def _activate(client: TorcClient, record: ScheduledComputeNodeModel) -> ScheduledComputeNodeModel:
    if record.status != "pending":
        return record
    return client.scheduled_compute_nodes.update(record.id or 0, record.model_copy(update={"status": "active"}))


def _number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else None
