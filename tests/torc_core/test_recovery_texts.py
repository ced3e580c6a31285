"""What recovery prints, as the guide shows it."""

from typing import Any

from recovery_samples import GIB, UNSPECIFIED, attempt, evidence, oom, requirement, slurm, timeout

from torc_core.evidence.attempt import AttemptFacts
from torc_core.jobs.status import JobStatus
from torc_core.recovery import texts
from torc_core.recovery.diagnosis import diagnose
from torc_core.recovery.plan import RecoverOptions, RecoveryPlan, make_plan

RECOVERED = """\
Diagnosing failures...
Applying recovery heuristics...
  Job 107 (train_model): OOM detected, increasing memory 8g -> 12g
  Applied fixes: 1 OOM, 0 timeout
Resetting 1 job(s) for retry...
  Reset 1 job(s)
Reinitializing workflow...
Regenerating Slurm schedulers...
  Submitted Slurm allocation with 1 job

Recovery complete for workflow 42
  - 1 job(s) had memory increased
Reset 1 job(s). Slurm schedulers regenerated and submitted."""

WATCHED = """\
Watching workflow 42 (poll interval: 60s, recover enabled, max retries: 3, job counts enabled)
  completed=0, running=10, pending=0, failed=0, blocked=90
  completed=95, running=0, pending=0, failed=5, blocked=0
Workflow 42 is complete

Workflow completed with failures:
  - Failed: 5
  - Canceled: 0
  - Terminated: 0
  - Completed: 95

Attempting automatic recovery (attempt 1/3)

Diagnosing failures...
Applying recovery heuristics...
  Job 107 (train_model_7): OOM detected, increasing memory 8g -> 12g
  Job 112 (train_model_12): OOM detected, increasing memory 8g -> 12g
  Job 123 (train_model_23): OOM detected, increasing memory 8g -> 12g
  Job 131 (train_model_31): OOM detected, increasing memory 8g -> 12g
  Job 145 (train_model_45): OOM detected, increasing memory 8g -> 12g
  Applied fixes: 5 OOM, 0 timeout

Resetting failed jobs...
Regenerating Slurm schedulers and submitting...

Recovery initiated. Resuming monitoring..."""

NOTHING = """\
Applying recovery heuristics...
  2 job(s) with unknown failure cause (skipped, use --retry-unknown to include)

No recoverable jobs found. 2 job(s) failed with unknown causes.
Use --retry-unknown to retry jobs with unknown failure causes.
Or use the Torc MCP server with your AI assistant to investigate."""

EXCEEDED = """\
Max retries (3) exceeded. Manual intervention required.
Use the Torc MCP server with your AI assistant to investigate."""


def plan_of(*attempts: AttemptFacts, **options: Any) -> RecoveryPlan:
    return make_plan([diagnose(facts) for facts in attempts], RecoverOptions(**options))


def counts(**by_name: int) -> dict[JobStatus, int]:
    return {JobStatus(name): count for name, count in by_name.items()}


def test_a_recovery_with_slurm_reads_as_in_the_guide() -> None:
    plan = plan_of(oom())
    lines = [
        texts.DIAGNOSING,
        *texts.heuristics_lines(plan),
        texts.resetting_line(plan),
        *texts.carried_out_lines(1, jobs_per_allocation=[1]),
        "",
        *map(str, texts.recovered_lines(42, plan, reset_count=1, submitted=True)),
    ]
    assert lines == RECOVERED.split("\n")


def test_a_watch_with_a_recovery_reads_as_in_the_guide() -> None:
    lines = [
        texts.watching_line(42, poll_interval_s=60.0, max_retries=3, shows_counts=True),
        texts.counts_line(counts(running=10, blocked=90)),
        texts.counts_line(counts(completed=95, failed=5)),
        texts.complete_line(42),
        "",
        *texts.outcome_lines(counts(completed=95, failed=5)),
        "",
        texts.attempting_line(1, 3),
        "",
        texts.DIAGNOSING,
        *texts.heuristics_lines(plan_of(*(oom(100 + n, f"train_model_{n}") for n in (7, 12, 23, 31, 45)))),
        "",
        *texts.watch_reset_lines(submitting=True),
        "",
        texts.RESUMING,
    ]
    assert lines == WATCHED.split("\n")
    assert texts.outcome_lines(counts(completed=100)) == ["Workflow completed successfully (100 jobs)"]


def test_failures_of_unknown_cause_alone_read_as_in_the_guide() -> None:
    plan = plan_of(attempt(1), attempt(1, job_id=108, status=JobStatus.PENDING_FAILED))
    lines = [*texts.heuristics_lines(plan), "", *texts.nothing_recoverable_lines(plan)]
    assert lines == NOTHING.split("\n")


def test_the_end_of_all_retries_reads_as_in_the_guide() -> None:
    assert texts.retries_exceeded_lines(3) == EXCEEDED.split("\n")


def test_a_local_recovery_mentions_no_slurm_and_says_how_to_go_on() -> None:
    summary = [str(line) for line in texts.recovered_lines(42, plan_of(oom()), reset_count=1, submitted=False)]
    lines = [*texts.carried_out_lines(1), *summary]
    assert not [line for line in lines if "Slurm" in line]
    assert lines[-1] == "Reset 1 job(s). Run them with: torc run 42"
    assert texts.watch_reset_lines(submitting=False) == ["Resetting failed jobs..."]


def test_every_kind_of_retry_is_reported_with_its_cause() -> None:
    plan = plan_of(
        timeout(job_id=1),
        attempt(1, job_id=2, evidence=evidence(1, scheduler=slurm("NODE_FAIL"))),
        attempt(1, job_id=3, evidence=evidence(1, scheduler=slurm("PREEMPTED"))),
        attempt(-128, job_id=4),
        oom(5, requirement=UNSPECIFIED, peak_memory_bytes=2 * GIB),
        oom(6, requirement=requirement(memory_bytes=16 * GIB)),
        attempt(1, job_id=7),
        retry_unknown=True,
        max_memory_bytes=16 * GIB,
    )
    assert texts.heuristics_lines(plan)[1:] == [
        "  Job 1 (train_model): Timeout detected, increasing runtime PT1H -> PT1H24M",
        "  Job 2 (train_model): Node failure detected, retrying with the same resources",
        "  Job 3 (train_model): Preemption detected, retrying with the same resources",
        "  Job 4 (train_model): Lost runner detected, retrying with the same resources",
        "  Job 5 (train_model): OOM detected, setting memory 3g",
        "  Job 6 (train_model): OOM detected, not retried: Its memory 16g cannot be raised: it may get 16g.",
        "  1 job(s) with unknown failure cause (retrying)",
        "  Applied fixes: 1 OOM, 1 timeout",
    ]
    assert [str(line) for line in texts.recovered_lines(42, plan, reset_count=6, submitted=False)] == [
        "Recovery complete for workflow 42",
        "  - 1 job(s) had memory increased",
        "  - 1 job(s) had runtime increased",
        "  - 3 job(s) lost to infrastructure reset",
        "  - 1 job(s) with unknown failures reset",
        "Reset 6 job(s). Run them with: torc run 42",
    ]


def test_jobs_that_wait_for_a_decision_are_named_at_the_end() -> None:
    plan = plan_of(oom(), attempt(1, job_id=108, status=JobStatus.PENDING_FAILED))
    lines = [str(line) for line in texts.recovered_lines(42, plan, reset_count=1, submitted=False)]
    assert "  - 1 job(s) wait for a decision: torc failures list 42" in lines


def test_a_dry_run_promises_and_does_not_report() -> None:
    plan = plan_of(oom(), timeout(job_id=108), attempt(1, job_id=109), recovery_hook="bash fix.sh")
    assert texts.proposed_lines(42, plan, planned_allocations=2) == [
        "Diagnosing failures...",
        "[DRY RUN] Proposed resource adjustments:",
        "  Job 107 (train_model): OOM detected, would increase memory 8g -> 12g",
        "  Job 108 (train_model): Timeout detected, would increase runtime PT1H -> PT1H24M",
        "  1 job(s) with unknown failure cause (would run recovery hook)",
        "[DRY RUN] Would reset 3 job(s) for retry",
        "[DRY RUN] Would reinitialize workflow",
        "[DRY RUN] Would regenerate Slurm schedulers",
        "[DRY RUN] Total: 2 allocation(s) would be submitted",
        "",
        "[DRY RUN] Summary for workflow 42",
        "  - 1 job(s) would have memory increased",
        "  - 1 job(s) would have runtime increased",
        "  - 1 job(s) with unknown failures would be reset",
        "Would reset 3 job(s) and regenerate Slurm schedulers.",
        "",
        "Run without --dry-run to apply these changes.",
    ]
    assert not [line for line in texts.proposed_lines(42, plan) if "Slurm" in line]


def test_nothing_recoverable_does_not_blame_unknown_causes_that_are_not_there() -> None:
    capped = plan_of(oom(), max_memory_bytes=8 * GIB)
    assert texts.nothing_recoverable_lines(capped) == [
        "No recoverable jobs found. 1 job(s) cannot be helped by another attempt.",
        "Use the Torc MCP server with your AI assistant to investigate.",
    ]


def test_the_header_names_only_what_is_enabled() -> None:
    assert texts.watching_line(42, poll_interval_s=0.5) == "Watching workflow 42 (poll interval: 0.5s)"


def test_counts_hide_no_job() -> None:
    line = texts.counts_line(counts(ready=3, pending_failed=2, completed=1))
    assert line == "  completed=1, running=0, pending=0, failed=0, blocked=0, ready=3, pending_failed=2"


def test_a_workflow_with_jobs_left_is_not_called_complete() -> None:
    lines = texts.outcome_lines(counts(completed=3, ready=2, blocked=1))
    assert lines[0] == "Workflow is not complete (2 ready, 1 blocked):"


def test_failures_that_wait_for_a_decision_are_shown_in_the_outcome() -> None:
    left = counts(completed=3, pending_failed=2)
    assert "  - Pending Failed: 2 (awaiting a decision)" in texts.outcome_lines(left)
    assert "  - Pending Failed: 2 (awaiting AI classification)" in texts.outcome_lines(left, asks_agent=True)


def test_a_single_completed_job_is_one_job() -> None:
    assert texts.outcome_lines(counts(completed=1)) == ["Workflow completed successfully (1 job)"]
