"""Find runners that are gone, and take back what they held: gather, let torc_core decide, apply."""

from collections.abc import Collection, Iterable
from itertools import groupby

from torc_client.http import TorcClient
from torc_client.processes import end_remains, process_identity
from torc_core.api.jobs import JobModel, ReclaimedJob, ReclaimRequest, ReclaimResponse, ReleaseClaimsRequest
from torc_core.api.nodes import ComputeNodeModel, ScheduledComputeNodeModel
from torc_core.jobs.status import ACTIVE
from torc_core.processes import HostFacts
from torc_core.recovery.orphans import HEARTBEAT_TIMEOUT_S, LostRunner, OrphanPlan, plan_orphans


def find_orphans(
    client: TorcClient,
    workflow_id: int,
    *,
    host: HostFacts,
    ended_slurm_jobs: Collection[int] = (),
    heartbeat_timeout_s: float | None = HEARTBEAT_TIMEOUT_S,
) -> OrphanPlan:
    """Changes nothing. `ended_slurm_jobs` are Slurm ids surely neither queued nor running.

    `heartbeat_timeout_s` as in `plan_orphans`.
    """
    jobs = _jobs_in_hands(client, workflow_id)
    nodes = _nodes_to_judge(client, workflow_id, jobs)
    return plan_orphans(
        workflow_id,
        nodes=nodes,
        jobs=jobs,
        host=host,
        processes={node.pid: process_identity(node.pid, host=host) for node in nodes if node.hostname == host.hostname},
        allocations=_open_allocations(client, workflow_id) if ended_slurm_jobs else (),
        ended_slurm_jobs=ended_slurm_jobs,
        heartbeat_timeout_s=heartbeat_timeout_s,
    )


def reclaim(client: TorcClient, plan: OrphanPlan, *, requeue: bool) -> ReclaimResponse:
    """Applies the plan; with `requeue` started jobs go back to the queue, otherwise they end as failures.

    Waits first until what the lost runners started on this machine has ended: no job may run twice at a time.
    """
    end_remains([runner.dead for runner in plan.runners if runner.dead is not None])
    taken: list[ReclaimedJob] = []
    for reason, node_ids in _by_reason(plan.runners):
        request = ReclaimRequest(compute_node_ids=node_ids, requeue=requeue, reason=reason)
        taken.extend(client.reclaim_jobs(plan.workflow_id, request).jobs)
    if plan.claims_of_nobody:
        client.release_claims(plan.workflow_id, ReleaseClaimsRequest(job_ids=list(plan.claims_of_nobody)))
    for allocation in (*plan.pending_allocations, *plan.active_allocations):
        if allocation.id is not None:
            client.scheduled_compute_nodes.update(allocation.id, allocation.model_copy(update={"status": "complete"}))
    return ReclaimResponse(jobs=taken)


def _by_reason(runners: Iterable[LostRunner]) -> list[tuple[str, list[int]]]:
    ordered = sorted(runners, key=lambda runner: runner.reason)
    return [
        (reason, [runner.compute_node_id for runner in group])
        for reason, group in groupby(ordered, key=lambda runner: runner.reason)
    ]


def _jobs_in_hands(client: TorcClient, workflow_id: int) -> list[JobModel]:
    return client.jobs.list_all(workflow_id=workflow_id, status=sorted(ACTIVE))


def _nodes_to_judge(client: TorcClient, workflow_id: int, jobs: list[JobModel]) -> list[ComputeNodeModel]:
    """The active runners, and inactive ones that still hold jobs."""
    active = client.compute_nodes.list_all(workflow_id=workflow_id, is_active=True)
    known = {node.id for node in active}
    holders = {job.compute_node_id for job in jobs if job.compute_node_id is not None} - known
    gone = client.compute_nodes.list_all(workflow_id=workflow_id, is_active=False) if holders else []
    return [*active, *(node for node in gone if node.id in holders)]


def _open_allocations(client: TorcClient, workflow_id: int) -> list[ScheduledComputeNodeModel]:
    return [
        allocation
        for status in ("pending", "active")
        for allocation in client.scheduled_compute_nodes.list_all(workflow_id=workflow_id, status=status)
    ]
