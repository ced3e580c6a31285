"""`torc jobs running`: what runs now, and where."""

from datetime import UTC, datetime
from typing import Final

from torc_cli.render.base import Column, Table
from torc_cli.session.command import listing
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.jobs import RunningJob
from torc_core.resources.duration import describe_duration


def _since(job: RunningJob) -> str:
    if job.start_time is None:
        return ""
    begun = datetime.fromisoformat(job.start_time)
    begun = begun if begun.tzinfo else begun.replace(tzinfo=UTC)
    return describe_duration(max(0, round((datetime.now(UTC) - begun).total_seconds())))


RUNNING: Final = Table(
    "running jobs",
    (
        Column("Job", "job_id", right=True),
        Column("Name", "job_name"),
        Column("Node", "compute_node_name"),
        Column("Allocation", "scheduler_job_id", right=True),
        Column("For", _since, right=True),
    ),
)


@listing
def running(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List the jobs that run now: on which node, in which allocation, for how long.

    For example: `torc jobs running 3`.
    """
    session.out.records(RUNNING, session.client.running_jobs(session.workflow_id(workflow_id)))
