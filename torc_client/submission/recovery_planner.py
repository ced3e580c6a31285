"""Plans allocations for what a workflow has left: for recovery, and for retried jobs without nodes."""

import getpass
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from torc_client.hpc_sites import HpcSite, HpcSites
from torc_client.http import TorcClient
from torc_client.planned_jobs import left_jobs
from torc_client.recovery.allocations import Allocations, PlannedAllocation, find_allocations
from torc_client.recovery.bad_nodes import find_bad_nodes
from torc_client.submission.planner import WorkflowPlanner
from torc_core.jobs.status import JobStatus
from torc_core.slurm.placement import list_places
from torc_core.slurm.plan import AllocationPlan, NewAmounts, PlannedJob, PlanOptions
from torc_core.slurm.planner import plan_allocations


@dataclass(frozen=True, kw_only=True)
class LeftPlan:
    """A plan for what is left. `job_ids` are those of its jobs, by position; `notes` are for people."""

    plan: AllocationPlan
    job_ids: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    site: HpcSite | None = None


@dataclass(frozen=True, kw_only=True)
class RecoveryPlanner:
    """Plans as `planner` does, for all jobs that still have to run, and without the nodes that failed jobs.

    `only_retried`: for jobs alone that are ready again after a failure. `cluster` returns the name of the cluster.
    """

    planner: WorkflowPlanner
    only_retried: bool = False
    cluster: Callable[[], str] | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def plan(self, client: TorcClient, workflow_id: int, retries: Mapping[int, NewAmounts] | None = None) -> LeftPlan:
        """Return the plan if these jobs were retried. Raises InvalidInputError for what fits no partition."""
        jobs, job_ids = self._jobs(client, workflow_id, retries or {})
        if not jobs:
            return LeftPlan(plan=AllocationPlan(job_count=0, allocations=0, node_hours=0.0, groups=[], warnings=[]))
        site = self.planner.sites.choose(self.planner.profile)
        options = self.planner.complete(client, workflow_id, site)
        options, notes = self._without_bad_nodes(client, workflow_id, site, options)
        limits = self.planner.sites.limits(site, user=getpass.getuser(), account=options.account)
        plan = plan_allocations(jobs, site.partitions, options, limits)
        return LeftPlan(plan=plan, job_ids=tuple(job_ids), notes=(*notes, *plan.warnings), site=site)

    def __call__(
        self, client: TorcClient, workflow_id: int, retries: Mapping[int, NewAmounts], output_dir: Path
    ) -> list[PlannedAllocation]:
        """Return the submissions, those of later stages with the jobs that they wait for. Submits nothing."""
        return self.submissions(client, workflow_id, self.plan(client, workflow_id, retries), output_dir)

    def submissions(
        self, client: TorcClient, workflow_id: int, left: LeftPlan, output_dir: Path
    ) -> list[PlannedAllocation]:
        """Return the submissions of a plan."""
        suffix = self.planner.suffix or f"_regen_{self.clock():%Y%m%d_%H%M%S}"
        planner = replace(self.planner, suffix=suffix)
        planned: list[PlannedAllocation] = []
        for group in left.plan.groups:
            one = left.plan.model_copy(update={"groups": [group]})
            gate = () if group.stage == 0 else tuple(left.job_ids[place] for place in group.jobs)
            planned += [replace(each, gate=gate) for each in planner.submissions(client, workflow_id, one, output_dir)]
        return [replace(planned[0], notes=left.notes), *planned[1:]] if planned else []

    def _jobs(
        self, client: TorcClient, workflow_id: int, retries: Mapping[int, NewAmounts]
    ) -> tuple[list[PlannedJob], list[int]]:
        jobs, job_ids = left_jobs(client, workflow_id, retries)
        if not self.only_retried:
            return jobs, job_ids
        ready = client.jobs.list_all(workflow_id=workflow_id, status=JobStatus.READY)
        retried = {job.id for job in ready if (job.attempt_id or 1) > 1}
        places = [place for place, job_id in enumerate(job_ids) if job_id in retried]
        return [replace(jobs[place], stage=0) for place in places], [job_ids[place] for place in places]

    def _without_bad_nodes(
        self, client: TorcClient, workflow_id: int, site: HpcSite, options: PlanOptions
    ) -> tuple[PlanOptions, list[str]]:
        """Return the options that leave out the nodes that failed jobs of two names, and say which these are."""
        if self.cluster is None:
            return options, []
        bad = find_bad_nodes(client, workflow_id, cluster=self.cluster(), now=self.clock())
        names = [each.node for each in bad]
        if not bad:
            return options, []
        partitions = {place.partition for place in list_places(site.partitions, options)}
        if any(each.node_count <= len(bad) for each in site.partitions if each.name in partitions):
            return options, [f"Nodes {', '.join(names)} failed jobs, but too few others are left: none is left out."]
        known = [options.exclude] if options.exclude else []
        notes = [f"Node {each.node} is left out of new allocations: {each.reason}." for each in bad]
        return replace(options, exclude=",".join(dict.fromkeys([*known, *names]))), notes


def left_allocations(
    environment: Mapping[str, str], *, profile: str | None = None, options: PlanOptions = PlanOptions()
) -> Allocations:
    """Return what submits allocations for the jobs that a workflow has left; without a cluster here, nothing does."""
    allocations = find_allocations(environment)
    if allocations.scheduler is None:
        return allocations
    planner = left_planner(environment, allocations, profile=profile, options=options)
    return replace(allocations, planner=planner, retry_planner=replace(planner, only_retried=True))


def left_planner(
    environment: Mapping[str, str],
    allocations: Allocations,
    *,
    profile: str | None = None,
    options: PlanOptions = PlanOptions(),
) -> RecoveryPlanner:
    """Return the planner of what is left, on the HPC site of that name, else on the one of this machine."""
    planner = WorkflowPlanner(sites=HpcSites(environment), environment=environment, profile=profile, options=options)
    scheduler = allocations.scheduler
    return RecoveryPlanner(planner=planner, cluster=None if scheduler is None else scheduler.name)
