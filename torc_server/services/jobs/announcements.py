"""Frames about jobs for the event streams."""

from collections.abc import Iterable
from typing import Any

from torc_core.jobs.status import STATUS_TRAITS, JobStatus
from torc_server.db.unit_of_work import UnitOfWork


def announce_status(
    uow: UnitOfWork, workflow_id: int, status: JobStatus, jobs: Iterable[tuple[int, str]], **facts: Any
) -> None:
    """Announce one frame `job_<status>` for each (id, name); `facts` are the same for all."""
    event_type = "job_started" if status is JobStatus.RUNNING else f"job_{status}"
    severity = STATUS_TRAITS[status].severity
    for job_id, name in jobs:
        uow.announce(workflow_id, event_type, severity=severity, data={"job_id": job_id, "job_name": name, **facts})
