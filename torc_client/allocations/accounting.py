"""The accounting of a workflow's allocations: whose they are, and what sacct has kept of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torc_client.http import TorcClient
from torc_client.slurm.port import Scheduler
from torc_core.recovery.orphans import allocation_of
from torc_core.slurm.allocation import AccountingRecord
from torc_core.slurm.usage import attempt_of


@dataclass(frozen=True, kw_only=True)
class WorkflowAccounting:
    """`records` are in the order of their ids; `errors` name allocations of which accounting knows nothing."""

    workflow_id: int
    records: Sequence[AccountingRecord]
    job_names: Mapping[int, str]
    errors: Sequence[str]


def recorded_allocations(client: TorcClient, workflow_id: int) -> list[int]:
    """Return Slurm's ids of the workflow's allocations: those submitted for it, and those its runners ran in."""
    submitted = client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)
    runners = client.compute_nodes.list_all(workflow_id=workflow_id)
    ids = {each.scheduler_id for each in submitted if each.scheduler_type == "slurm" and each.scheduler_id > 0}
    return sorted(ids | {found for runner in runners if (found := allocation_of(runner)) is not None})


def read_accounting(client: TorcClient, workflow_id: int, scheduler: Scheduler) -> WorkflowAccounting:
    """Return what accounting has of the workflow's allocations; an array's tasks are allocations each.

    Raises NotFoundError for an unknown workflow, SchedulerError where the cluster keeps no accounting.
    """
    client.workflows.get(workflow_id)
    wanted = recorded_allocations(client, workflow_id)
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
