"""The allocations that recovery and watching ask for, on the cluster of this machine."""

import os
from typing import TYPE_CHECKING

from torc_cli.session.session import Session

if TYPE_CHECKING:
    from torc_client.recovery.allocations import Allocations
    from torc_core.slurm.plan import PlanOptions


def left_allocations(
    session: Session, *, profile: str | None = None, options: "PlanOptions | None" = None
) -> "Allocations":
    """Return what submits allocations for the jobs that a workflow has left; without a cluster, nothing does.

    A server of this command alone is gone when allocations begin: for it, the cluster only says which have ended.
    """
    from torc_client.recovery.allocations import find_allocations
    from torc_client.submission.recovery_planner import left_allocations as on_this_cluster
    from torc_core.slurm.plan import PlanOptions

    if session.options.standalone:
        return find_allocations(os.environ)
    return on_this_cluster(os.environ, profile=profile, options=options or PlanOptions())
