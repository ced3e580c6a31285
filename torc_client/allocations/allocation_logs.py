"""The output of a workflow's allocations: which failures stand in it, and which jobs they befell."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torc_client.allocations.accounting import recorded_allocations
from torc_client.http import TorcClient
from torc_client.logs.log_files import ScannedLog, scan_allocations
from torc_core.api.jobs import JobModel
from torc_core.jobs.status import ACTIVE
from torc_core.recovery.orphans import allocation_of


@dataclass(frozen=True, kw_only=True)
class AllocationLogs:
    """The scanned logs, and by allocation the jobs that did not succeed in it or run there now.

    `unrecorded` are allocations whose files bear the workflow's id but which its server does not know.
    """

    allocation_ids: Sequence[int]
    logs: Sequence[ScannedLog]
    affected: Mapping[int, Sequence[JobModel]]
    unrecorded: Sequence[int]


def read_allocation_logs(client: TorcClient, workflow_id: int, output_dir: Path) -> AllocationLogs:
    """Return what the files `slurm_output_wf<W>_sl<S>` in this folder show. Raises NotFoundError."""
    client.workflows.get(workflow_id)
    known = recorded_allocations(client, workflow_id)
    logs = list(scan_allocations(output_dir, workflow_id))
    found = {log.log.allocation_id for log in logs if log.log.allocation_id is not None}
    has_findings = any(log.findings for log in logs)
    return AllocationLogs(
        allocation_ids=known,
        logs=logs,
        affected=_affected(client, workflow_id) if has_findings else {},
        unrecorded=sorted(found - set(known)),
    )


def _affected(client: TorcClient, workflow_id: int) -> Mapping[int, Sequence[JobModel]]:
    runners = client.compute_nodes.list_all(workflow_id=workflow_id)
    allocations = {runner.id: found for runner in runners if (found := allocation_of(runner)) is not None}
    if not allocations:
        return {}
    jobs = {job.id: job for job in client.jobs.list_all(workflow_id=workflow_id)}
    ids: defaultdict[int, set[int]] = defaultdict(set)
    for result in client.results.list_all(workflow_id=workflow_id, all_runs=True):
        if result.return_code != 0 and result.compute_node_id in allocations:
            ids[allocations[result.compute_node_id]].add(result.job_id)
    for job in jobs.values():
        if job.id is not None and job.compute_node_id in allocations and job.status in ACTIVE:
            ids[allocations[job.compute_node_id]].add(job.id)
    return {
        allocation: [jobs[job_id] for job_id in sorted(found) if job_id in jobs] for allocation, found in ids.items()
    }
