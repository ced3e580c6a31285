"""The lines that recovery shows to people, made from its plan."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from torc_core.evidence.attempt import Cause
from torc_core.hints import Hint, Line, torc
from torc_core.jobs.status import AWAITING_DECISION, DONE, STARTABLE, SUCCESSFUL, UNSUCCESSFUL, JobStatus
from torc_core.recovery.foresight import ForeseenRaise
from torc_core.recovery.plan import RecoveryPlan, Retry, Skipped

DIAGNOSING: Final = "Diagnosing failures..."
REINITIALIZING: Final = "Reinitializing workflow..."
REGENERATING: Final = "Regenerating Slurm schedulers..."
RESUMING: Final = "Recovery initiated. Resuming monitoring..."

_FOUND: Final[Mapping[Cause, str]] = {
    Cause.OOM: "OOM detected",
    Cause.TIMEOUT: "Timeout detected",
    Cause.NODE_FAILURE: "Node failure detected",
    Cause.PREEMPTED: "Preemption detected",
    Cause.RUNNER_LOST: "Lost runner detected",
    Cause.UNKNOWN: "Unknown failure",
}
_JOBS_SHOWN: Final = 20
_ASSISTANT: Final = "the Torc MCP server with your AI assistant to investigate."


def heuristics_lines(plan: RecoveryPlan) -> list[str]:
    """Return what a recovery shows before it changes anything."""
    fixed = f"  Applied fixes: {plan.memory_raised} OOM, {plan.runtime_raised} timeout"
    return [
        "Applying recovery heuristics...",
        *_retry_lines(plan, proposed=False),
        *_skipped_lines(plan),
        *_unknown_lines(plan, proposed=False),
        *([fixed] if plan.memory_raised or plan.runtime_raised else []),
    ]


def foreseen_lines(foreseen: Sequence[ForeseenRaise], *, proposed: bool) -> list[str]:
    """Return what is raised for jobs that no attempt was started of, with the numbers it rests on."""
    verb = "would raise" if proposed else "raising"
    return [
        f"  {len(each.job_ids)} waiting {_jobs(len(each.job_ids))} like {each.template}: {verb} "
        + ", ".join(
            f"{what} to {amount}" for what, amount in (("memory", each.memory), ("runtime", each.runtime)) if amount
        )
        + f" ({each.reason})"
        for each in foreseen
    ]


def resetting_line(plan: RecoveryPlan) -> str:
    return f"Resetting {len(plan.retries)} job(s) for retry..."


def carried_out_lines(reset_count: int, *, moved_on: int = 0, jobs_per_allocation: Sequence[int] = ()) -> list[str]:
    """Return what a recovery shows after the reset; `moved_on` were left alone, no allocations: a local workflow."""
    return [
        f"  Reset {reset_count} job(s)",
        *([f"  {moved_on} job(s) moved on meanwhile and were left as they are"] if moved_on else []),
        REINITIALIZING,
        *([REGENERATING, *submission_lines(jobs_per_allocation)] if jobs_per_allocation else []),
    ]


def submission_lines(jobs_per_allocation: Sequence[int]) -> list[str]:
    """Return one line for each allocation that was submitted."""
    return [f"  Submitted Slurm allocation with {count} {_jobs(count)}" for count in jobs_per_allocation]


def not_submitted_lines(workflow_id: int, why: str) -> list[Line]:
    """Return what a recovery shows whose jobs are ready again, and whose allocations are not there."""
    return [
        f"  The allocations were not submitted: {why}",
        Hint(
            "  The jobs are ready. Submit their allocations with: {}", torc("slurm regenerate", workflow_id, "--submit")
        ),
    ]


def recovered_lines(workflow_id: int, plan: RecoveryPlan, *, reset_count: int, submitted: bool) -> list[Line]:
    """Return the summary of a recovery that was carried out; without a submission it names the next command."""
    run = Hint("Run them with: {}", torc("run", workflow_id))
    next_step = "Slurm schedulers regenerated and submitted." if submitted else run
    waiting, failures = len(plan.needs_decision), torc("failures list", workflow_id)
    return [
        f"Recovery complete for workflow {workflow_id}",
        *_summary_lines(plan, "had", "reset"),
        *([Hint("  - {} job(s) wait for a decision: {}", waiting, failures)] if waiting else []),
        Hint("Reset {} job(s). {}", reset_count, next_step),
    ]


def recovered_after_lines(plan: RecoveryPlan, *, after_run_id: int, run_id: int) -> list[str]:
    """Return what one recovery of several did, for the summary at the end."""
    count = len(plan.retries)
    return [
        f"  Recovered after run {after_run_id}: {count} {_jobs(count)} tried again in run {run_id}",
        *_shortened([f"    Job {each.job_id} ({each.job_name}): {_retried_with(each)}" for each in plan.retries]),
    ]


def left_lines(plan: RecoveryPlan) -> list[str]:
    """Return the jobs that a recovery left as they are, and why."""
    left = [*plan.skipped, *plan.needs_decision]
    lines = _shortened([f"    Job {each.job_id} ({each.job_name}): {each.reason}" for each in left])
    return ["  Left to a person:", *lines] if lines else []


def change_lines(plan: RecoveryPlan) -> list[str]:
    """Return a line for each job that would be retried: the cause, and what it would have."""
    return _shortened([f"  Job {each.job_id} ({each.job_name}): {_retried_with(each)}" for each in plan.retries])


def _retried_with(retry: Retry) -> str:
    changes = [
        f"{what} {'set to' if retry.states_no_limits else f'{old} ->'} {new}"
        for what, old, new in (
            ("memory", retry.old_memory, retry.memory),
            ("runtime", retry.old_runtime, retry.runtime),
        )
        if new is not None
    ]
    return f"{_FOUND[retry.cause]}, {', '.join(changes) or 'the same resources'}"


def _shortened(lines: list[str]) -> list[str]:
    more = len(lines) - _JOBS_SHOWN
    return [*lines[:_JOBS_SHOWN], f"    and {more} more"] if more > 0 else lines


def proposed_lines(
    workflow_id: int,
    plan: RecoveryPlan,
    *,
    foreseen: Sequence[ForeseenRaise] = (),
    planned_allocations: int | None = None,
    allocation_lines: Sequence[str] = (),
) -> list[str]:
    """Return everything that `torc recover --dry-run` shows; `planned_allocations` is None for a local workflow."""
    slurm = [] if planned_allocations is None else [
        "[DRY RUN] Would regenerate Slurm schedulers",
        *allocation_lines,
        f"[DRY RUN] Total: {planned_allocations} allocation(s) would be submitted",
    ]  # fmt: skip
    then = "" if planned_allocations is None else " and regenerate Slurm schedulers"
    count = len(plan.retries)
    return [
        DIAGNOSING,
        "[DRY RUN] Proposed resource adjustments:",
        *_retry_lines(plan, proposed=True),
        *_skipped_lines(plan),
        *_unknown_lines(plan, proposed=True),
        *foreseen_lines(foreseen, proposed=True),
        f"[DRY RUN] Would reset {count} job(s) for retry",
        "[DRY RUN] Would reinitialize workflow",
        *slurm,
        "",
        f"[DRY RUN] Summary for workflow {workflow_id}",
        *_summary_lines(plan, "would have", "would be reset"),
        f"Would reset {count} job(s){then}.",
        "",
        "Run without --dry-run to apply these changes.",
    ]


def nothing_recoverable_lines(plan: RecoveryPlan) -> list[str]:
    """Return why a plan retries nothing, and what to do next."""
    known = sum(skipped.why != "unknown" for skipped in plan.skipped)
    waiting = len(plan.needs_decision) if plan.was_asked else 0
    first = "No recoverable jobs found."
    if plan.unknown_left or not (known or waiting):
        first += f" {plan.unknown_left} job(s) failed with unknown causes."
    if known:
        first += f" {known} job(s) cannot be helped by another attempt."
    if waiting:
        first += f" {waiting} job(s) wait for a decision."
    if not plan.unknown_left:
        return [first, f"Use {_ASSISTANT}"]
    return [first, "Use --retry-unknown to retry jobs with unknown failure causes.", f"Or use {_ASSISTANT}"]


def watching_line(
    workflow_id: int, *, poll_interval_s: float, max_retries: int | None = None, shows_counts: bool = False
) -> str:
    """Return the header of `torc watch`; `max_retries` is None without --recover."""
    recover = f", recover enabled, max retries: {max_retries}" if max_retries is not None else ""
    counts = ", job counts enabled" if shows_counts else ""
    return f"Watching workflow {workflow_id} (poll interval: {poll_interval_s:g}s{recover}{counts})"


_ALWAYS_COUNTED: Final = (
    JobStatus.COMPLETED,
    JobStatus.RUNNING,
    JobStatus.PENDING,
    JobStatus.FAILED,
    JobStatus.BLOCKED,
)


def counts_line(counts: Mapping[JobStatus, int]) -> str:
    """Return the line of one poll: five statuses always, the others when there are jobs in them."""
    others = [status for status in JobStatus if status not in _ALWAYS_COUNTED and counts.get(status, 0)]
    return "  " + ", ".join(f"{status}={counts.get(status, 0)}" for status in (*_ALWAYS_COUNTED, *others))


def complete_line(workflow_id: int) -> str:
    return f"Workflow {workflow_id} is complete"


def outcome_lines(counts: Mapping[JobStatus, int], *, asks_agent: bool = False) -> list[str]:
    """Return how the workflow ended. Jobs that could still run are never counted as a success.

    `asks_agent`: an AI agent decides about failures of unknown cause.
    """
    total = sum(counts.values())
    if sum(counts.get(status, 0) for status in SUCCESSFUL) == total:
        return [f"Workflow completed successfully ({total} {_jobs(total)})"]
    waiting = sum(counts.get(status, 0) for status in AWAITING_DECISION)
    awaited = "AI classification" if asks_agent else "a decision"
    left = [f"{counts[status]} {status}" for status in _LEFT if counts.get(status, 0)]
    return [
        "Workflow completed with failures:" if not left else f"Workflow is not complete ({', '.join(left)}):",
        *(f"  - {status.capitalize()}: {counts.get(status, 0)}" for status in JobStatus if status in UNSUCCESSFUL),
        *([f"  - Pending Failed: {waiting} (awaiting {awaited})"] if waiting else []),
        f"  - Completed: {counts.get(JobStatus.COMPLETED, 0)}",
    ]


_LEFT: Final = sorted(set(JobStatus) - DONE - AWAITING_DECISION, key=lambda status: (status not in STARTABLE, status))
"""Can still go on: first what a runner could take, then what it holds or what waits for others."""


def attempting_line(attempt: int, max_retries: int) -> str:
    """Return the line that a recovery begins with; `attempt` counts recoveries from 1."""
    return f"Attempting automatic recovery (attempt {attempt}/{max_retries})"


def watch_reset_lines(*, submitting: bool) -> list[str]:
    return ["Resetting failed jobs...", *(["Regenerating Slurm schedulers and submitting..."] if submitting else [])]


def retries_exceeded_lines(max_retries: int) -> list[str]:
    return [f"Max retries ({max_retries}) exceeded. Manual intervention required.", f"Use {_ASSISTANT}"]


def _retry_lines(plan: RecoveryPlan, *, proposed: bool) -> list[str]:
    return [
        f"  Job {retry.job_id} ({retry.job_name}): {_FOUND[retry.cause]}, {_change(retry, proposed=proposed)}"
        for retry in plan.retries
        if retry.cause is not Cause.UNKNOWN
    ]


def _change(retry: Retry, *, proposed: bool) -> str:
    if retry.memory is not None:
        resource, old, new = "memory", retry.old_memory, retry.memory
    elif retry.runtime is not None:
        resource, old, new = "runtime", retry.old_runtime, retry.runtime
    else:
        return f"{'would retry' if proposed else 'retrying'} with the same resources"
    if retry.states_no_limits:
        return f"{'would set' if proposed else 'setting'} {resource} {new}"
    return f"{'would increase' if proposed else 'increasing'} {resource} {old} -> {new}"


def _skipped_lines(plan: RecoveryPlan) -> list[str]:
    decided = Counter(skipped.reason for skipped in plan.skipped if skipped.why == "decided")
    return [
        *(_skipped_line(skipped) for skipped in plan.skipped if skipped.why not in ("unknown", "decided")),
        *(not_retried_line(count, reason) for reason, count in decided.items()),
    ]


def not_retried_line(count: int, reason: str) -> str:
    """Return the line about all jobs that are not retried for one reason."""
    return f"  {count} job(s) not retried: {reason}"


def _skipped_line(skipped: Skipped) -> str:
    found = "" if skipped.why == "not_failed" else f"{_FOUND[skipped.cause]}, "
    return f"  Job {skipped.job_id} ({skipped.job_name}): {found}not retried: {skipped.reason}"


def _unknown_lines(plan: RecoveryPlan, *, proposed: bool) -> list[str]:
    known = "job(s) with unknown failure cause"
    if plan.unknown_left:
        return [f"  {plan.unknown_left} {known} (skipped, use --retry-unknown to include)"]
    if not plan.unknown_retried:
        return []
    if plan.recovery_hook is not None:
        does = "would run recovery hook" if proposed else "running recovery hook"
    else:
        does = "would retry" if proposed else "retrying"
    return [f"  {plan.unknown_retried} {known} ({does})"]


def _summary_lines(plan: RecoveryPlan, have: str, reset: str) -> list[str]:
    counted = (
        (plan.memory_raised, f"{have} memory increased"),
        (plan.runtime_raised, f"{have} runtime increased"),
        (plan.infrastructure_retried, f"lost to infrastructure {reset}"),
        (plan.unknown_retried, f"with unknown failures {reset}"),
    )
    return [f"  - {count} job(s) {what}" for count, what in counted if count]


def _jobs(count: int) -> str:
    return "job" if count == 1 else "jobs"
