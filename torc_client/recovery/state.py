"""Where a workflow stands, in the questions that recovery asks."""

from collections.abc import Mapping

from torc_core.api.workflows import WorkflowStatusModel
from torc_core.jobs.status import SUCCESSFUL, JobStatus


def counts_of(status: WorkflowStatusModel) -> Mapping[JobStatus, int]:
    return {JobStatus(name): count for name, count in status.jobs_by_status.model_dump().items()}


def is_success(status: WorkflowStatusModel) -> bool:
    """Every job is completed or disabled."""
    return sum(counts_of(status)[each] for each in SUCCESSFUL) == status.total_jobs


def active_jobs(status: WorkflowStatusModel) -> int:
    return status.jobs_by_status.running + status.jobs_by_status.pending


def waiting_jobs(status: WorkflowStatusModel) -> int:
    """Jobs that a runner could take up, now or once it has initialized them."""
    return status.jobs_by_status.ready + status.jobs_by_status.uninitialized


def is_at_rest(status: WorkflowStatusModel) -> bool:
    """No job can move by itself: all are done, or wait for a decision or for jobs that do."""
    return status.is_canceled or active_jobs(status) + waiting_jobs(status) == 0


def failed_jobs(status: WorkflowStatusModel) -> int:
    """Jobs that ended badly by themselves; canceled ones follow the job they depend on."""
    counts = status.jobs_by_status
    return counts.failed + counts.terminated + counts.pending_failed
