"""What the event streams are told about jobs."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from torc_core.api.events import Severity
from torc_core.jobs.status import JobStatus
from torc_server.db.unit_of_work import UnitOfWork

_SEVERITIES: Final[Mapping[JobStatus, Severity]] = {
    JobStatus.FAILED: "error",
    JobStatus.CANCELED: "warning",
    JobStatus.TERMINATED: "warning",
    JobStatus.PENDING_FAILED: "warning",
}


def announce_status(
    uow: UnitOfWork, workflow_id: int, status: JobStatus, jobs: Iterable[tuple[int, str]], **facts: Any
) -> None:
    """One frame `job_<status>` for each (id, name); `facts` are the same for all."""
    event_type = "job_started" if status is JobStatus.RUNNING else f"job_{status}"
    severity = _SEVERITIES.get(status, "info")
    for job_id, name in jobs:
        uow.announce(workflow_id, event_type, severity=severity, data={"job_id": job_id, "job_name": name, **facts})
