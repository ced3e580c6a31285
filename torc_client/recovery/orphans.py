"""Finds runners that are gone, and reclaims the jobs that they held."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from torc_client.http import TorcClient
from torc_client.processes import end_leftover_processes, process_identity
from torc_client.recovery.allocations import open_allocations
from torc_core.api.jobs import JobModel, ReclaimedJob, ReclaimRequest, ReclaimResponse, ReleaseClaimsRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.jobs.status import ACTIVE
from torc_core.processes import HostFacts
from torc_core.recovery.orphans import HEARTBEAT_TIMEOUT_S, LostRunner, OrphanPlan, plan_orphans
from torc_core.slurm.allocation import AllocationEnd


def find_orphans(
    client: TorcClient,
    workflow_id: int,
    *,
    host: HostFacts,
    ended_allocations: Mapping[int, AllocationEnd] | None = None,
    heartbeat_timeout_s: float | None = HEARTBEAT_TIMEOUT_S,
) -> OrphanPlan:
    """Return what `reclaim` would do. Changes nothing.

    `ended_allocations` are the ends of allocations that are surely over, by the scheduler's ids;
    `heartbeat_timeout_s` as in `plan_orphans`.
    """
    jobs = _held_jobs(client, workflow_id)
    nodes = _runners_in_question(client, workflow_id, jobs)
    return plan_orphans(
        workflow_id,
        nodes=nodes,
        jobs=jobs,
        host=host,
        processes={node.pid: process_identity(node.pid, host=host) for node in nodes if node.hostname == host.hostname},
        allocations=open_allocations(client, workflow_id) if ended_allocations else (),
        ended_allocations=ended_allocations,
        heartbeat_timeout_s=heartbeat_timeout_s,
    )


def reclaim(client: TorcClient, plan: OrphanPlan, *, requeue: bool) -> ReclaimResponse:
    """Apply the plan; with `requeue` started jobs go back to the queue, otherwise they end as failures."""
    # Before any job is reclaimed: what the lost runners started on this machine must have ended, or a job that is
    # ready again at once could run twice at the same time.
    end_leftover_processes([runner.dead for runner in plan.runners if runner.dead is not None])
    reclaimed: list[ReclaimedJob] = []
    for runners in _by_reason(plan.runners):
        end = runners[0].end
        request = ReclaimRequest(
            compute_node_ids=[runner.compute_node_id for runner in runners],
            requeue=requeue,
            reason=runners[0].reason,
            scheduler=runners[0].scheduler_facts,
            ended_at=None if end is None else end.ended_at,
        )
        reclaimed.extend(client.reclaim_jobs(plan.workflow_id, request).jobs)
    if plan.claims_of_nobody:
        client.release_claims(plan.workflow_id, ReleaseClaimsRequest(job_ids=list(plan.claims_of_nobody)))
    for allocation in (*plan.pending_allocations, *plan.active_allocations):
        if allocation.id is not None:
            client.scheduled_compute_nodes.update(allocation.id, allocation.model_copy(update={"status": "complete"}))
    return ReclaimResponse(jobs=reclaimed)


def _by_reason(runners: Iterable[LostRunner]) -> list[list[LostRunner]]:
    """Return the runners that were lost for one reason together; an allocation's end is a reason of its own."""
    ordered = sorted(runners, key=lambda runner: runner.reason)
    return [list(group) for _, group in groupby(ordered, key=lambda runner: runner.reason)]


def _held_jobs(client: TorcClient, workflow_id: int) -> list[JobModel]:
    return client.jobs.list_all(workflow_id=workflow_id, status=sorted(ACTIVE))


def _runners_in_question(client: TorcClient, workflow_id: int, jobs: list[JobModel]) -> list[ComputeNodeModel]:
    """Return the active runners, and inactive ones that still hold jobs."""
    active = client.compute_nodes.list_all(workflow_id=workflow_id, is_active=True)
    known = {node.id for node in active}
    holders = {job.compute_node_id for job in jobs if job.compute_node_id is not None} - known
    gone = client.compute_nodes.list_all(workflow_id=workflow_id, is_active=False) if holders else []
    return [*active, *(node for node in gone if node.id in holders)]
