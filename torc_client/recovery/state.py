"""Questions about the status of a workflow that recovery asks."""

from collections.abc import Mapping

from torc_core.api.workflows import WorkflowStatusModel
from torc_core.jobs.status import ACTIVE, FAILURES, STARTABLE, SUCCESSFUL, JobStatus


def counts_of(status: WorkflowStatusModel) -> Mapping[JobStatus, int]:
    return status.jobs_by_status.root


def is_success(status: WorkflowStatusModel) -> bool:
    """Return whether every job is completed or disabled."""
    return status.jobs_by_status.total(SUCCESSFUL) == status.total_jobs


def active_jobs(status: WorkflowStatusModel) -> int:
    return status.jobs_by_status.total(ACTIVE)


def waiting_jobs(status: WorkflowStatusModel) -> int:
    """Count the jobs that a runner could claim, now or once it has initialized them."""
    return status.jobs_by_status.total(STARTABLE)


def has_allocations(status: WorkflowStatusModel) -> bool:
    """Return whether an allocation is queued or runs, as far as the server knows."""
    return status.pending_scheduled_nodes + status.active_scheduled_nodes > 0


def lacks_allocations(status: WorkflowStatusModel) -> bool:
    """Return whether jobs wait although no allocation is queued or running and no runner is active."""
    is_served = has_allocations(status) or status.active_compute_nodes or active_jobs(status)
    return not status.is_canceled and waiting_jobs(status) > 0 and not is_served


def is_at_rest(status: WorkflowStatusModel) -> bool:
    """Return whether no job can go on by itself: all have ended, or wait for a decision or for jobs that do."""
    return status.is_canceled or active_jobs(status) + waiting_jobs(status) == 0


def failed_jobs(status: WorkflowStatusModel) -> int:
    """Count the failed jobs; canceled ones are left out, as they follow a job that they depend on."""
    return status.jobs_by_status.total(FAILURES)
