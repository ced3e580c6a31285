"""`torc workflows diagnose`: why ready jobs do not start."""

from typing import TYPE_CHECKING

from torc_cli.render.text import display, number
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.hints import Hint, Line, torc
from torc_core.resources.duration import describe_duration

if TYPE_CHECKING:
    from torc_client.start_diagnosis import StartDiagnosis


@command
def diagnose(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """Show why ready jobs do not start: what the active runners lack.

    For example: `torc workflows diagnose 3`.
    """
    from torc_client.start_diagnosis import diagnose_start

    found = diagnose_start(session.client, session.workflow_id(workflow_id))
    session.out.done(_lines(found), found)


def _lines(found: "StartDiagnosis") -> list[Line]:
    lines: list[Line] = [
        f"Workflow {found.workflow_id}: {number(found.ready_jobs, 'ready job')}, "
        f"{number(found.active_allocations, 'active runner')}"
    ]
    if found.allocation_remaining is not None:
        lines.append(f"Longest time left to a runner: {describe_duration(found.allocation_remaining.max_seconds)}")
    if found.ready_job_runtime is not None:
        lines.append(f"Longest runtime of a ready job: {describe_duration(found.ready_job_runtime.max_seconds)}")
    for obstacle in found.obstacles:
        names = ", ".join(display(name) for name in obstacle.names)
        more = f" and {obstacle.jobs - len(obstacle.names)} more" if obstacle.jobs > len(obstacle.names) else ""
        lines.append(f"{number(obstacle.jobs, 'job')}: {obstacle.reason} ({names}{more})")
    if not found.ready_jobs:
        lines.append(Hint("No job is ready; how the workflow stands: {}", torc("status", found.workflow_id)))
    elif not found.active_allocations:
        lines.append(Hint("Start a runner: {}", torc("run", found.workflow_id)))
    return lines
