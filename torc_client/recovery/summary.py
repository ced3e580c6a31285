"""A recovery as JSON data, in the same shape for a dry run and for a recovery that was carried out."""

from collections.abc import Sequence
from typing import Any

from torc_client.recovery.bounded_recovery import FinishedRecovery
from torc_client.recovery.planned_text import planned_data
from torc_client.recovery.recover import AppliedRecovery, PlannedRecovery
from torc_core.recovery import texts
from torc_core.recovery.plan import RecoverOptions
from torc_core.recovery.report import RecoveryResult
from torc_core.recovery.resource_report import report_utilization


def recovery_data(
    planned: PlannedRecovery, options: RecoverOptions, *, dry_run: bool, applied: AppliedRecovery | None = None
) -> dict[str, Any]:
    """Return the recovery as JSON data: `result` counts and names the jobs, `diagnosis` is the resource report."""
    result = RecoveryResult.of(planned.plan).model_dump(mode="json")
    if planned.allocations is not None:
        result["slurm_dry_run"] = {
            "planned_schedulers": planned_data(planned.allocations),
            "total_allocations": sum(each.allocation_count for each in planned.allocations),
            "warnings": [note for each in planned.allocations for note in each.notes],
        }
    return {
        "workflow_id": planned.workflow_id,
        "dry_run": dry_run,
        "memory_multiplier": options.memory_multiplier,
        "runtime_multiplier": options.runtime_multiplier,
        "orphaned_jobs": len(planned.orphans.jobs) + len(planned.orphans.claims_of_nobody),
        "result": result,
        "foreseen": [each.model_dump(mode="json") for each in planned.foreseen],
        "applied": None if applied is None else _applied_data(applied),
        "ai_recovery": None if planned.agent is None else planned.agent.as_data(),
        "diagnosis": report_utilization(planned.workflow_id, completed=(), failures=planned.diagnoses).model_dump(
            mode="json"
        ),
    }


def history_data(history: Sequence[FinishedRecovery]) -> list[dict[str, Any]]:
    """Return one entry for each recovery, in their order; `run_id` is None where nothing was retried."""
    return [
        {
            "after_run_id": done.planned.status.run_id,
            "run_id": None if done.applied is None else done.applied.answer.run_id,
            "reset_count": 0 if done.applied is None else done.applied.answer.reset_count,
            **RecoveryResult.of(done.planned.plan).model_dump(mode="json"),
        }
        for done in history
    ]


def history_lines(history: Sequence[FinishedRecovery]) -> list[str]:
    """Return the same as lines: what was retried and with which resources, and what the last recovery left."""
    lines: list[str] = []
    for done in history:
        if done.applied is not None:
            after, into = done.planned.status.run_id, done.applied.answer.run_id
            lines += texts.recovered_after_lines(done.planned.plan, after_run_id=after, run_id=into)
    return [*lines, *(texts.left_lines(history[-1].planned.plan) if history else [])]


def _applied_data(applied: AppliedRecovery) -> dict[str, Any]:
    return {
        **applied.answer.model_dump(mode="json", exclude={"workflow_id"}),
        "allocations_submitted": len(applied.jobs_per_allocation),
        "not_submitted": None if applied.not_submitted is None else applied.not_submitted.message,
    }
