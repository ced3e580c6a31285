"""The status of a workflow whose allocations are due names the command that submits them."""

from torc_cli.render.status_text import next_steps, verdict
from torc_client.allocations.standing import StandingAllocations
from torc_core.api.workflows import JobStatusCounts, WorkflowStatusModel
from torc_core.jobs.status import JobStatus


def status(**more: int) -> WorkflowStatusModel:
    """Three ready jobs, and a failure that waits for a decision with a job behind it."""
    counts = {JobStatus.READY: 3, JobStatus.PENDING_FAILED: 1, JobStatus.BLOCKED: 1}
    return WorkflowStatusModel(
        workflow_id=7,
        workflow_name="w",
        workflow_user="u",
        run_id=1,
        total_jobs=5,
        jobs_by_status=JobStatusCounts(counts),
        total_exec_time_minutes=0,
        active_compute_nodes=0,
        pending_scheduled_nodes=0,
        active_scheduled_nodes=0,
        is_complete=False,
        is_canceled=False,
        **more,
    )


def commands(shown: WorkflowStatusModel, allocations: StandingAllocations | None) -> list[str]:
    return [str(step.command) for step in next_steps(shown, allocations)]


def test_allocations_that_are_due_are_submitted_first() -> None:
    none = StandingAllocations(views=[])
    assert commands(status(due_allocation_actions=1), none)[0] == "torc submit 7"
    assert "torc submit 7" not in commands(status(), none)
    assert "torc submit 7" not in commands(status(due_allocation_actions=1), None), "no allocation was ever asked for"


def test_ready_jobs_beside_a_failure_wait_for_what_is_due() -> None:
    shown = verdict(status(due_allocation_actions=1), StandingAllocations(views=[]))
    expected = (
        "1 failed job(s) wait for a decision, and 3 ready job(s) have no allocation yet: it is due to be asked for."
    )
    assert shown == expected
