"""`torc workflows reset-status` and `sync-status`: out of a state in which nothing goes on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from torc_cli.render.text import display, number
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.hints import Hint, Line, torc
from torc_core.recovery.orphans import HEARTBEAT_TIMEOUT_S

if TYPE_CHECKING:
    from torc_client.begin_run import StatusReset
    from torc_core.recovery.orphans import OrphanPlan


@command
def reset_status(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    failed_only: Annotated[
        bool,
        typer.Option(
            "--failed-only",
            help="Only failed, pending_failed, canceled and terminated jobs, and what depends on them.",
        ),
    ] = False,
    reinitialize: Annotated[
        bool, typer.Option("-r", "--reinitialize", help="Decide at once which jobs are ready.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Although jobs are active.")] = False,
    no_prompts: Annotated[bool, typer.Option("--no-prompts", help="Do not ask.")] = False,
) -> None:
    """Reset jobs to uninitialized, in a new run.

    For example: `torc workflows reset-status 3 --failed-only --reinitialize`.
    """
    from torc_client.begin_run import reset_status as reset

    chosen = session.workflow_id(workflow_id)
    which = "failed" if failed_only else "all"
    if not session.agrees(
        f"The status of {which} jobs of workflow {chosen} will be reset. Continue?", without_asking=no_prompts
    ):
        session.out.note("Reset cancelled.")
        return
    done = reset(
        session.client,
        chosen,
        failed_only=failed_only,
        force=force,
        reinitialize_too=reinitialize,
        folder=Path.cwd(),
    )
    messages = _reset_messages(done, which)
    spelled = [session.out.text_of(message) for message in messages]
    session.out.done(messages, _reset_data(done, failed_only=failed_only, messages=spelled))


def _reset_messages(done: "StatusReset", which: str) -> list[Line]:
    messages: list[Line] = [
        f"Reset {done.updated_count} {which} job(s) of workflow {done.workflow_id}, run {done.run_id}"
    ]
    run = torc("run", done.workflow_id)
    if done.started is None:
        messages.append(Hint("Next: {}", run))
    else:
        ready = number(done.started.ready_count, "job")
        messages.append(Hint("Reinitialized: {} ready, {} blocked; next: {}", ready, done.started.blocked_count, run))
    return messages


def _reset_data(done: "StatusReset", *, failed_only: bool, messages: list[str]) -> dict[str, Any]:
    started = done.started
    return {
        "status": "success",
        "workflow_id": done.workflow_id,
        "run_id": done.run_id,
        "failed_only": failed_only,
        "operations": {
            "workflow_reset": {"run_id": done.run_id},
            "job_reset": {"updated_count": done.updated_count},
            "reinitialize": None
            if started is None
            else {"ready_count": started.ready_count, "blocked_count": started.blocked_count},
        },
        "messages": messages,
    }


@command
def sync_status(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be cleaned up.")] = False,
    heartbeat_timeout: Annotated[
        float,
        typer.Option(
            "--heartbeat-timeout",
            metavar="SECONDS",
            min=1.0,
            help="Silence after which a runner on another machine is lost; runners are heard every 30 s.",
        ),
    ] = HEARTBEAT_TIMEOUT_S,
) -> None:
    """Reclaim the jobs of runners and allocations that are gone.

    For example: `torc workflows sync-status 3 --dry-run`.
    """
    from torc_client.processes import host_facts
    from torc_client.recovery.orphans import find_orphans, reclaim

    chosen = session.workflow_id(workflow_id)
    session.out.note(f"Looking for orphaned jobs of workflow {chosen}...")
    plan = find_orphans(session.client, chosen, host=host_facts(), heartbeat_timeout_s=heartbeat_timeout)
    if not dry_run:
        reclaim(session.client, plan, requeue=False)
    if plan.out_of_sight:
        session.out.note(f"{plan.out_of_sight} active runner(s) on other machines cannot be judged from here.")
    session.out.done(_sync_lines(plan, dry_run=dry_run), _sync_data(plan, dry_run=dry_run))


def _sync_lines(plan: "OrphanPlan", *, dry_run: bool) -> list[Line]:
    if plan.is_empty:
        return ["No orphaned jobs found. Workflow state is in sync with its runners."]
    data = _sync_data(plan, dry_run=dry_run)
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


def _sync_data(plan: "OrphanPlan", *, dry_run: bool) -> dict[str, Any]:
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
