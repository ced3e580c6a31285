"""The accounting of a workflow's allocations: whose they are, and what sacct has kept of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torc_client.http import TorcClient
from torc_client.slurm.port import Scheduler
from torc_core.recovery.orphans import allocation_of
from torc_core.slurm.allocation import AccountingRecord
from torc_core.slurm.environment import registered_cluster
from torc_core.slurm.usage import attempt_of


@dataclass(frozen=True, kw_only=True)
class WorkflowAccounting:
    """`records` are in the order of their ids; `errors` name allocations of which accounting knows nothing."""

    workflow_id: int
    records: Sequence[AccountingRecord]
    job_names: Mapping[int, str]
    errors: Sequence[str]


def recorded_allocations(client: TorcClient, workflow_id: int, *, cluster: str | None = None) -> list[int]:
    """Return Slurm's ids of the workflow's allocations: those submitted for it, and those its runners ran in.

    With `cluster`, only those of this cluster, and those whose cluster is not known.
    """
    submitted = client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)
    runners = client.compute_nodes.list_all(workflow_id=workflow_id)
    found = {
        (each.scheduler_id, each.cluster)
        for each in submitted
        if each.scheduler_type == "slurm" and each.scheduler_id > 0
    }
    for runner in runners:
        allocation_id = allocation_of(runner)
        if allocation_id is not None:
            found.add((allocation_id, registered_cluster(runner.scheduler)))
    return sorted({each for each, where in found if cluster is None or where in (None, cluster)})


def read_accounting(client: TorcClient, workflow_id: int, scheduler: Scheduler) -> WorkflowAccounting:
    """Return what accounting has of the workflow's allocations; an array's tasks are allocations each.

    Raises NotFoundError for an unknown workflow, SchedulerError where the cluster keeps no accounting.
    """
    client.workflows.get(workflow_id)
    wanted = recorded_allocations(client, workflow_id, cluster=scheduler.name())
    found = scheduler.accounting(wanted) if wanted else {}
    records = sorted(found.values(), key=lambda record: record.scheduler_id)
    known = {record.scheduler_id for record in records} | {record.array_job_id for record in records}
    return WorkflowAccounting(
        workflow_id=workflow_id,
        records=records,
        job_names=_names(client, workflow_id, records),
        errors=[
            f"accounting knows no allocation {scheduler_id}: it was of another cluster, or its record was removed"
            for scheduler_id in wanted
            if scheduler_id not in known
        ],
    )


def _names(client: TorcClient, workflow_id: int, records: Sequence[AccountingRecord]) -> Mapping[int, str]:
    ids = {
        attempt.job_id
        for record in records
        for step in record.steps
        if (attempt := attempt_of(step, workflow_id)) is not None
    }
    jobs = client.jobs.list_all(workflow_id=workflow_id) if ids else []
    return {job.id: job.name for job in jobs if job.id in ids}
