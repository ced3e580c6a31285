"""Where a workflow stands, in the questions that recovery asks."""

from collections.abc import Mapping

from torc_core.api.workflows import WorkflowStatusModel
from torc_core.jobs.status import ACTIVE, FAILURES, STARTABLE, SUCCESSFUL, JobStatus


def counts_of(status: WorkflowStatusModel) -> Mapping[JobStatus, int]:
    return status.jobs_by_status.root


def is_success(status: WorkflowStatusModel) -> bool:
    """Every job is completed or disabled."""
    return status.jobs_by_status.total(SUCCESSFUL) == status.total_jobs


def active_jobs(status: WorkflowStatusModel) -> int:
    return status.jobs_by_status.total(ACTIVE)


def waiting_jobs(status: WorkflowStatusModel) -> int:
    """Jobs that a runner could take up, now or once it has initialized them."""
    return status.jobs_by_status.total(STARTABLE)


def is_at_rest(status: WorkflowStatusModel) -> bool:
    """No job can move by itself: all are done, or wait for a decision or for jobs that do."""
    return status.is_canceled or active_jobs(status) + waiting_jobs(status) == 0


def failed_jobs(status: WorkflowStatusModel) -> int:
    """Jobs that ended badly by themselves; canceled ones follow the job they depend on."""
    return status.jobs_by_status.total(FAILURES)
