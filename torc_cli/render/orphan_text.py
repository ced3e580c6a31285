"""Orphans and how they were reclaimed, as people and programs read it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from torc_cli.render.text import display
from torc_core.hints import Hint, Line, torc

if TYPE_CHECKING:
    from torc_core.api.jobs import ReclaimResponse
    from torc_core.recovery.orphans import OrphanedJob, OrphanPlan

_SHOWN = 50


def orphan_lines(plan: "OrphanPlan", reclaimed: "ReclaimResponse | None") -> list[Line]:
    """Return which jobs were reclaimed, or would be where `reclaimed` is None, and the next step."""
    if plan.is_empty:
        return ["No orphaned jobs found. Workflow state is in sync with its runners."]
    jobs = _outcomes(plan, reclaimed)
    if not jobs:
        return _without_jobs(plan, is_plan=reclaimed is None)
    data = orphan_data(plan, reclaimed)
    bullets = {
        "jobs_requeued": "job(s) whose runner or allocation is gone, back in the queue",
        "slurm_jobs_failed": "job(s) of ended Slurm allocations, lost too often to be requeued",
        "pending_allocations_cleaned": "pending allocation(s) that no longer exist",
        "running_jobs_failed": "job(s) of runners that are gone, lost too often to be requeued",
        "claims_released": "job(s) claimed and never started, back to ready",
    }
    lines: list[Line] = [
        "Would clean up orphaned jobs:" if reclaimed is None else "Cleaned up orphaned jobs:",
        *(f"  - {data[key]} {what}" for key, what in bullets.items() if data[key]),
    ]
    lines.append("Affected jobs:")
    lines += [
        f"  - Job {job.job_id} ({display(job.job_name)}), {outcome}: {job.reason}" for job, outcome in jobs[:_SHOWN]
    ]
    lines += [f"  and {len(jobs) - _SHOWN} more"] if len(jobs) > _SHOWN else []
    return [*lines, _total(jobs, is_plan=reclaimed is None), *_next_steps(plan, jobs, is_plan=reclaimed is None)]


def _without_jobs(plan: "OrphanPlan", *, is_plan: bool) -> list[Line]:
    """Return what is brought up to date where no job was left behind."""
    ended = len(plan.pending_allocations) + len(plan.active_allocations)
    found = {"runner(s) that are gone": len(plan.runners), "allocation(s) that have ended": ended}
    what = " and ".join(f"{count} {name}" for name, count in found.items() if count) or "claims of nobody"
    return [f"{'Would note' if is_plan else 'Noted'} {what}; no job was left behind."]


def orphan_data(plan: "OrphanPlan", reclaimed: "ReclaimResponse | None") -> dict[str, Any]:
    """Return the same for programs."""
    jobs = _outcomes(plan, reclaimed)
    requeued = [entry for entry in jobs if entry.outcome == "requeued"]
    failed = [entry for entry in jobs if entry.is_failure]
    return {
        "workflow_id": plan.workflow_id,
        "dry_run": reclaimed is None,
        "jobs_requeued": len(requeued),
        "slurm_jobs_failed": sum(entry.job.allocation_id is not None for entry in failed),
        "pending_allocations_cleaned": len(plan.pending_allocations),
        "running_jobs_failed": sum(entry.job.allocation_id is None for entry in failed),
        "claims_released": sum(entry.outcome == "released" for entry in jobs),
        "requeued_job_details": [entry.details() for entry in requeued],
        "failed_job_details": [entry.details() for entry in failed],
    }


class _Outcome(NamedTuple):
    """An orphan and how it was reclaimed, or would be: released, requeued, failed or pending_failed."""

    job: "OrphanedJob"
    outcome: str

    @property
    def is_failure(self) -> bool:
        return self.outcome in {"failed", "pending_failed"}

    def details(self) -> dict[str, Any]:
        job = self.job
        return {
            "job_id": job.job_id,
            "job_name": job.job_name,
            "reason": job.reason,
            "slurm_job_id": job.allocation_id,
            "outcome": self.outcome,
        }


def _outcomes(plan: "OrphanPlan", reclaimed: "ReclaimResponse | None") -> list[_Outcome]:
    """Return the jobs with the server's outcomes, or with what the plan foresees."""
    if reclaimed is not None:
        outcomes = {job.job_id: job.outcome for job in reclaimed.jobs}
        # claims that no runner held are released in another request; a started job without an outcome has moved on
        return [
            _Outcome(job, outcomes.get(job.job_id, "released"))
            for job in plan.jobs
            if job.job_id in outcomes or not job.started
        ]
    return [_Outcome(job, _foreseen(job)) for job in plan.jobs]


def _foreseen(job: "OrphanedJob") -> str:
    if not job.started:
        return "released"
    return "requeued" if job.within_bound else "failed"


def _total(jobs: Sequence[_Outcome], *, is_plan: bool) -> str:
    statuses = sorted({entry.outcome for entry in jobs if entry.is_failure})
    counts = {
        "requeued": sum(entry.outcome == "requeued" for entry in jobs),
        **{f"marked as {status}": sum(entry.outcome == status for entry in jobs) for status in statuses},
    }
    would = "would be " if is_plan else ""
    parts = [f"{count} job(s) {would}{what}" for what, count in counts.items() if count]
    return f"Total: {', '.join(parts) or f'0 job(s) {would}requeued'}"


def _next_steps(plan: "OrphanPlan", jobs: Sequence[_Outcome], *, is_plan: bool) -> list[Line]:
    if is_plan:
        return []
    steps: list[Line] = []
    if any(entry.outcome in {"requeued", "released"} for entry in jobs):
        if any(entry.job.allocation_id is not None for entry in jobs):
            regenerate = torc("slurm regenerate", plan.workflow_id, "--submit")
            steps.append(Hint("Requeued jobs run when a runner claims them; `{}` submits allocations.", regenerate))
        else:
            run = torc("run", plan.workflow_id)
            steps.append(Hint("Requeued jobs run when a runner claims them; `{}` starts one here.", run))
    if any(entry.is_failure for entry in jobs):
        steps.append(Hint("You can now run `{}` to retry failed jobs.", torc("recover", plan.workflow_id)))
    return steps
