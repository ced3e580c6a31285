"""What was done about the jobs of runners that are gone, as people and programs read it."""

from typing import TYPE_CHECKING, Any

from torc_cli.render.text import display
from torc_core.hints import Hint, Line, torc

if TYPE_CHECKING:
    from torc_core.recovery.orphans import OrphanPlan


def orphan_lines(plan: "OrphanPlan", *, dry_run: bool) -> list[Line]:
    """Return which jobs were reclaimed, or would be, and the next step."""
    if plan.is_empty:
        return ["No orphaned jobs found. Workflow state is in sync with its runners."]
    data = orphan_data(plan, dry_run=dry_run)
    bullets = {
        "slurm_jobs_failed": "job(s) of ended Slurm allocations",
        "pending_allocations_cleaned": "pending allocation(s) that no longer exist",
        "running_jobs_failed": "job(s) of runners that are gone",
        "claims_released": "job(s) claimed and never started, back to ready",
    }
    failed = data["slurm_jobs_failed"] + data["running_jobs_failed"]
    lines: list[Line] = [
        "Would clean up orphaned jobs:" if dry_run else "Cleaned up orphaned jobs:",
        *(f"  - {data[key]} {what}" for key, what in bullets.items() if data[key]),
    ]
    if plan.jobs:
        named = (f"  - Job {job.job_id} ({display(job.job_name)}): {job.reason}" for job in plan.jobs[:50])
        lines += ["Affected jobs:", *named]
    lines.append(f"Total: {failed} job(s) {'would be ' if dry_run else ''}marked as failed")
    if failed and not dry_run:
        lines.append(Hint("You can now run `{}` to retry failed jobs.", torc("recover", plan.workflow_id)))
    return lines


def orphan_data(plan: "OrphanPlan", *, dry_run: bool) -> dict[str, Any]:
    """Return the same for programs."""
    started = [job for job in plan.jobs if job.started]
    return {
        "workflow_id": plan.workflow_id,
        "dry_run": dry_run,
        "slurm_jobs_failed": sum(job.allocation_id is not None for job in started),
        "pending_allocations_cleaned": len(plan.pending_allocations),
        "running_jobs_failed": sum(job.allocation_id is None for job in started),
        "claims_released": len(plan.jobs) - len(started),
        "failed_job_details": [
            {"job_id": job.job_id, "job_name": job.job_name, "reason": job.reason, "slurm_job_id": job.allocation_id}
            for job in started
        ],
    }
