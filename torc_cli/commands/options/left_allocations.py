"""The allocations that recovery, watching and `torc slurm regenerate` ask for, on the cluster of this machine."""

import os
from typing import TYPE_CHECKING

from torc_cli.session.session import Session

if TYPE_CHECKING:
    from torc_client.recovery.allocations import Allocations
    from torc_client.submission.recovery_planner import RecoveryPlanner
    from torc_core.slurm.plan import PlanOptions


def left_allocations(
    session: Session, *, profile: str | None = None, options: "PlanOptions | None" = None
) -> "Allocations":
    """Return what submits allocations for the jobs that a workflow has left; without a cluster, nothing does.

    A server of this command alone is gone when allocations begin: for it, the cluster only says which have ended.
    """
    from dataclasses import replace

    from torc_client.recovery.allocations import find_allocations

    allocations = find_allocations(os.environ)
    if allocations.scheduler is None or session.options.standalone:
        return allocations
    planner = left_planner(allocations, profile=profile, options=options)
    return replace(allocations, planner=planner, retry_planner=replace(planner, only_retried=True))


def left_planner(
    allocations: "Allocations", *, profile: str | None, options: "PlanOptions | None"
) -> "RecoveryPlanner":
    """Return the planner of what is left, for this site."""
    from torc_client.hpc_sites import HpcSites
    from torc_client.submission.planner import WorkflowPlanner
    from torc_client.submission.recovery_planner import RecoveryPlanner
    from torc_core.slurm.plan import PlanOptions

    return RecoveryPlanner(
        planner=WorkflowPlanner(
            sites=HpcSites(), environment=os.environ, profile=profile, options=options or PlanOptions()
        ),
        cluster=None if allocations.scheduler is None else allocations.scheduler.name,
    )
