"""From the jobs of a workflow to submissions: the planner of allocations on one HPC site."""

import getpass
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from torc_client.hpc_sites import HpcSite, HpcSites
from torc_client.http import TorcClient
from torc_client.planned_jobs import ready_jobs
from torc_client.recovery.allocations import PlannedAllocation
from torc_client.submission.batch import BatchScripts
from torc_core.slurm.plan import AllocationPlan, PlanOptions
from torc_core.slurm.planner import plan_allocations
from torc_core.slurm.quantities import count_array_tasks
from torc_core.slurm.scheduler_options import extra_words, scheduler_of_group

_FROM_DEFAULTS: Final = ("account", "qos", "partition", "exclude")


@dataclass(frozen=True, kw_only=True)
class WorkflowPlanner:
    """Plans allocations for the ready jobs of workflows; the planner that `Allocations` takes.

    What `options` leave open is taken from the workflow's slurm_defaults, from its first scheduler, then from the site.
    `suffix` tells the schedulers of this plan from those of earlier ones.
    """

    sites: HpcSites
    environment: Mapping[str, str]
    profile: str | None = None
    options: PlanOptions = field(default_factory=PlanOptions)
    suffix: str = ""
    poll_interval_s: float | None = None

    def plan(self, client: TorcClient, workflow_id: int, job_ids: Collection[int] = ()) -> AllocationPlan:
        """Return the plan for the ready jobs, and for these as if they were ready. Raises as `plan_allocations`."""
        site = self.sites.choose(self.profile)
        options = self.complete(client, workflow_id, site)
        limits = self.sites.limits(site, user=getpass.getuser(), account=options.account)
        return plan_allocations(ready_jobs(client, workflow_id, job_ids), site.partitions, options, limits)

    def __call__(
        self, client: TorcClient, workflow_id: int, job_ids: Collection[int], output_dir: Path
    ) -> list[PlannedAllocation]:
        """Return the submissions for the ready jobs, and for these as if they were ready. Submits nothing."""
        return list(self.submissions(client, workflow_id, self.plan(client, workflow_id, job_ids), output_dir))

    def submissions(
        self, client: TorcClient, workflow_id: int, plan: AllocationPlan, output_dir: Path
    ) -> Iterator[PlannedAllocation]:
        """Yield the submissions of a plan, one for each array."""
        workflow = client.workflows.get(workflow_id)
        scripts = BatchScripts(client=client, workflow=workflow, output_dir=output_dir, environment=self.environment)
        for group in plan.groups:
            scheduler = scheduler_of_group(plan, group, name=f"{group.name}_scheduler{self.suffix}")
            left, allocations = group.job_count, group.allocations
            for array in group.arrays:
                tasks = count_array_tasks(array)
                jobs = -(-left * tasks // allocations)
                left, allocations = left - jobs, allocations - tasks
                # a single allocation is no array: its id is the one that sbatch prints
                chosen = array if tasks > 1 else None
                yield PlannedAllocation(
                    request=scripts.script(
                        scheduler, array=chosen, poll_interval_s=self.poll_interval_s, starts=group.allocations
                    ),
                    scheduler=scheduler,
                    job_count=jobs,
                    array=chosen,
                    max_at_once=group.max_at_once,
                    prepare=scripts.prepare,
                )

    def complete(self, client: TorcClient, workflow_id: int, site: HpcSite) -> PlanOptions:
        """Return the options with what they leave open filled in."""
        options = self.options
        workflow = client.workflows.get(workflow_id)
        schedulers = client.slurm_schedulers.page(workflow_id=workflow_id, limit=1).items
        known = dict(defaults_of(workflow.slurm_defaults))
        if schedulers:
            first = schedulers[0]
            known = {"account": first.account, "qos": first.qos, "exclude": _excluded(first)} | known
        known.setdefault("account", site.profile.default_account)
        missing = {name: value for name, value in known.items() if value is not None and not getattr(options, name)}
        return replace(options, **missing)


def defaults_of(slurm_defaults: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    """Yield the options of a plan that a workflow's slurm_defaults name."""
    for name in _FROM_DEFAULTS:
        value = (slurm_defaults or {}).get(name)
        if value is not None:
            yield name, str(value)


def _excluded(scheduler: Any) -> str | None:
    return next((word.partition("=")[2] for word in extra_words(scheduler) if word.startswith("--exclude=")), None)
